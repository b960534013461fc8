"""The hosted pages in a real browser: by keyboard, without scripts, on a small screen, light and dark."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Request
from tests.support.browser import ARTIFACTS, accessibility_problems, chromium, overflow, tab

from msidp import db
from msidp.accounts import continuation
from msidp.accounts.continuation import Continuation
from msidp.communities import service as communities

# What a browser shows does not depend on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PASSWORD = "correct horse"
OWN_PAGES = {
    "password": "Password",
    "sessions": "Where you are signed in",
    "applications": "Connected applications",
    "delete": "Delete your account",
    "profile": "Profile",
}
IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


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


def every_page(page: Page) -> Iterator[str]:
    """Bring the tab to each page in each state, and name it."""
    page.goto("/login?next=/authorize")
    yield "login"
    page.get_by_label("Email address").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("[role=alert]")
    yield "login-refused"
    page.get_by_role("link", name="Create an account").click()
    yield "signup"
    page.get_by_role("button", name="Create account").click()
    page.wait_for_selector("[role=alert]")
    yield "signup-invalid"
    sign_up(page, "a-rather-long-address-that-has-to-wrap-somewhere@subdomain.example.com")
    yield "account"
    for name in ("password", "sessions", "applications", "delete", "profile"):
        page.get_by_role("link", name=OWN_PAGES[name]).click()
        page.wait_for_url(f"**/account/{name}")
        yield name
        if name != "profile":
            page.get_by_role("link", name="Your account").click()
    page.get_by_label("Date of birth").fill("yesterday")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("[role=alert]")
    yield "profile-invalid"
    page.get_by_label("Date of birth").fill("1990-12-31")
    page.keyboard.press("Enter")
    page.get_by_text("Your profile is saved.").wait_for()
    page.goto("/logout")
    yield "logout"
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("text=You are signed out")
    yield "signed-out"
    page.goto("/no-such-page")
    yield "error"


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_pages_are_accessible_and_fit(browser: Browser, site: str, scheme: str, width: int) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    with tab(browser, site, color_scheme=scheme, viewport={"width": width, "height": 720}) as page:
        for name in every_page(page):
            page.screenshot(path=ARTIFACTS / f"{name}-{scheme}-{width}.png")
            assert accessibility_problems(page) == [], name
            assert overflow(page) <= 0, name
            for target in page.locator("a, button, input:not([type=hidden], [hidden])").all():
                box = target.bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) >= 24, (name, target.inner_html())


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


def test_by_keyboard_alone(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/login")
        seen = [focused(page)]
        for _ in range(3):
            page.keyboard.press("Tab")
            seen.append(focused(page))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"no visible focus on {seen[-1]}"
        assert seen == ["email", "password", "Sign in", "Create an account"]
        page.keyboard.press("Enter")
        page.wait_for_url("**/signup*")
        for text in ("ada@example.com", PASSWORD, "Ada"):
            page.keyboard.type(text)
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/account")


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


def test_pages_are_light_and_load_from_one_origin(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        requests: list[Request] = []
        page.on("requestfinished", lambda request: requests.append(request))  # Playwright marks its handlers
        page.goto("/signup?next=/authorize", wait_until="networkidle")
        assert {urlsplit(request.url)[:2] for request in requests} == {urlsplit(site)[:2]}
        sizes = [request.sizes() for request in requests]
        assert sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) <= 30_000
        stylesheet = next(request for request in requests if ".css" in request.url)
        assert stylesheet.sizes()["responseBodySize"] <= 8_192


def test_the_picture_in_the_documentation(browser: Browser, site: str) -> None:
    """MSIDP_WRITE_SCREENSHOTS=1 makes the pictures anew."""
    pictures = {"login": "light", "login-dark": "dark"}
    for name, scheme in pictures.items():
        with tab(browser, site, color_scheme=scheme, viewport={"width": 880, "height": 640}) as page:
            page.goto("/login?next=/authorize")
            picture = page.screenshot()
        assert len(picture) < 100_000
        if os.environ.get("MSIDP_WRITE_SCREENSHOTS") == "1":
            IMAGES.mkdir(exist_ok=True)
            (IMAGES / f"{name}.png").write_bytes(picture)
        assert (IMAGES / f"{name}.png").exists()
