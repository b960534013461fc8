"""Operators' passkeys and authenticator apps in a real browser, its authenticator a virtual one."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from tests.accounts.factors.support import code
from tests.dashboard.conftest import PASSWORD, make_operator
from tests.support.browser import Phone, accessibility_problems, looks, overflow, picture, tab

from msidp import clock, db
from msidp.operators.models import OperatorSession
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"base_url": settings.base_url.replace("127.0.0.1", "localhost")})


def sign_in(page: Page) -> None:
    page.goto("/dashboard/sign-in")
    page.get_by_label("Email address").fill("olga@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def test_the_pages_of_the_second_factor(
    app: Flask, browser: Browser, base_url: str, community_id: str
) -> None:
    make_operator(community_id, "owner", "olga@example.com")
    wrong: dict[str, object] = {}

    def see(page: Page, name: str) -> None:
        for look in looks(page):
            picture(page, f"dashboard-2fa-{name}-{look}")
            problems = accessibility_problems(page)
            problems += [f"{overflow(page)} px too wide"] if overflow(page) else []
            if problems:
                wrong[f"{name} ({look})"] = problems

    with tab(browser, base_url) as page:
        phone = Phone(page)
        phone.answers(False)  # or the page would be filled as soon as it is open
        sign_in(page)
        page.wait_for_url("**/dashboard")
        page.goto("/dashboard/account")
        see(page, "off")
        page.get_by_role("button", name="Set up an app").click()
        secret = page.locator("code.mono").inner_text().replace(" ", "")
        see(page, "app")
        page.get_by_label("Code from your authenticator app").fill(code(secret, -1))
        page.get_by_role("button", name="Switch on").click()
        page.get_by_text("They are shown only now").wait_for()
        recovery = page.locator("#codes li").all_inner_texts()
        see(page, "codes")
        page.get_by_role("link", name="I have kept them").click()
        page.get_by_role("link", name="Add a passkey").click()
        page.get_by_label("Name").fill("My phone")
        see(page, "passkey")
        phone.answers(True)
        page.get_by_role("button", name="Create the passkey").click()
        page.get_by_text("My phone").first.wait_for()
        assert len(phone.credentials()) == 1
        see(page, "on")
        page.goto("/dashboard/operators")
        see(page, "operators")

        phone.answers(False)
        sign_out(page)
        sign_in(page)
        page.get_by_label("Code from your authenticator app").fill("000000")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("alert").wait_for()
        see(page, "verify")
        phone.answers(True)
        page.get_by_role("button", name="Use your passkey").click()
        page.wait_for_url("**/dashboard")
        sign_out(page)
        page.goto("/dashboard/sign-in")  # offered and taken as soon as it is open
        page.wait_for_url("**/dashboard")

        with app.app_context(), db.transaction() as session:
            session.query(OperatorSession).update({"proved_at": clock.now() - clock.HOUR})
        phone.answers(False)
        page.goto("/dashboard/account")
        page.get_by_role("button", name="Get new codes").click()
        page.get_by_text("asks for a fresh proof").wait_for()
        see(page, "confirm")
        page.get_by_role("link", name="Use a recovery code").click()
        page.get_by_label("Recovery code").fill(recovery[0])
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("can be done now").wait_for()
        page.get_by_role("button", name="Get new codes").click()
        page.locator("#codes").wait_for()
    assert wrong == {}
