"""The hosted pages in a real browser: by keyboard, without scripts, on a small screen, light and dark."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from tests.support.browser import tab

from msidp import db
from msidp.accounts import continuation
from msidp.accounts.continuation import Continuation
from msidp.communities import service as communities

# What a browser shows does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
PASSWORD = "correct horse"


@pytest.fixture
def site(app: Flask, base_url: str) -> str:
    """The pages of a community with a name, and an application that waits at /authorize."""
    with db.transaction() as session:
        communities.ensure_default(session).name = "Riverside Makers"
    ahead = Continuation("Acme Notes")
    continuation.register(app, lambda path: ahead if path.startswith("/authorize") else None)
    return base_url


def sign_up(page: Page, email: str = "ada@example.com") -> None:
    page.goto("/signup")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/account")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_sign_up_out_and_in(browser: Browser, site: str, scripts: bool) -> None:
    with tab(browser, site, java_script_enabled=scripts) as page:
        sign_up(page)
        page.get_by_role("heading", name="Ada Lovelace").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in again").click()
        page.get_by_label("Email address").fill("ada@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/account")


def focused(page: Page) -> str:
    text: str = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
    return text


def test_the_focus_goes_to_what_went_wrong(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/signup")
        page.get_by_label("Email address").fill("ada")
        page.get_by_label("Password").fill("short")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        assert page.title().startswith("Error: ")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the first message leads to its field
        assert focused(page) == "email"
        described = page.evaluate("document.activeElement.getAttribute('aria-describedby')")
        assert page.locator(f"#{described}").inner_text() == "This is not a usable email address."
        assert page.get_by_label("Email address").input_value() == "ada"
        assert page.get_by_label("Password").input_value() == ""


def test_password_managers_find_their_fields(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        for path, kind in (("/login", "current-password"), ("/signup", "new-password")):
            page.goto(path)
            assert page.locator("form input[name=email]").get_attribute("autocomplete") == "username"
            assert page.locator("form input[name=password]").get_attribute("autocomplete") == kind
