"""Mails as a browser shows them, and the way through the mailbox without scripts."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from tests.accounts.mailed.support import ADA, NEW_PASSWORD, code_in, inbox, link_in
from tests.support.browser import accessibility_problems, overflow, picture, show, tab

from msidp import db
from msidp.communities import service as communities
from msidp.mail import outbox

# What a browser shows does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def site(app: Flask, base_url: str) -> str:
    with db.transaction() as session:
        communities.ensure_default(session).name = "Riverside Makers"
    return base_url


def sign_up(page: Page) -> None:
    page.goto("/signup")
    page.get_by_label("Email address").fill(ADA)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/account")


def submit(page: Page, label: str, text: str, button: str) -> None:
    page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name=button).click()


def test_the_mail_itself_is_accessible_and_fits(
    browser: Browser, site: str, app: Flask, community_id: str
) -> None:
    with db.transaction() as session:
        context = {"code": "123456", "token": "x" * 43, "email": ADA}
        outbox.send(session, community_id=community_id, to=ADA, template="sign_in", context=context)
    with tab(browser, site) as page:
        page.goto("about:blank")
        page.set_content(inbox(site, ADA)[0]["html"])
        for scheme, width in (("light", 320), ("dark", 800)):
            show(page, scheme, width)
            picture(page, f"mail-{scheme}-{width}")
            assert accessibility_problems(page) == []
            assert overflow(page) <= 0


def test_out_and_in_again_by_mail(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        sign_up(page)
        page.goto("/logout")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in again").click()
        page.get_by_role("link", name="sign in by mail").click()
        submit(page, "Email address", ADA, "Mail me a code")
        submit(page, "Code from the mail", code_in(inbox(site, ADA)[0]), "Sign in")
        page.wait_for_url("**/account")
        page.goto("/logout")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in again").click()
        page.get_by_role("link", name="Choose a new one").click()
        submit(page, "Email address", ADA, "Mail me a link")
        page.goto(link_in(inbox(site, ADA)[0], "/reset-password"))
        submit(page, "New password", NEW_PASSWORD, "Save and sign in")
        page.wait_for_url("**/account")
