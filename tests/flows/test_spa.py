"""The page of docs/integrate/spa.md in Chromium, with oidc-client-ts as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page
from tests.support.browser import tab
from tests.support.node import ROOT
from tests.support.pages import example
from tests.support.site import Site

pytestmark = pytest.mark.database("sqlite")
PASSWORD = "correct horse"
VENDOR: dict[str, Path | str] = {
    "/vendor/oidc-client-ts.js": ROOT / "node_modules/oidc-client-ts/dist/esm/oidc-client-ts.js",
    "/vendor/jwt-decode.js": ROOT / "node_modules/jwt-decode/build/esm/index.js",
}


@pytest.fixture
def notes(base_url: str, admin: FlaskClient) -> Iterator[Site]:
    """The application, registered."""
    running = Site(example("integrate/spa.md", "html"), VENDOR)
    body = {
        "name": "Notes",
        "type": "spa",
        "redirectUris": [f"{running.origin}/callback"],
        "postLogoutRedirectUris": [f"{running.origin}/"],
    }
    made = admin.post("/applications", json=body).json["data"]
    script = example("integrate/spa.md", "js").replace("https://id.example.com", base_url)
    script = script.replace("client_…", made["clientId"]) + "\nwindow.users = users;"
    running.files = {**VENDOR, "/app.js": script}
    running.start()
    yield running
    running.stop()


def create_account(page: Page, name: str = "") -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create account").click()


def sign_up(page: Page) -> None:
    create_account(page, "Ada Lovelace")
    page.get_by_role("button", name="Allow").click()
    page.get_by_text("Hello Ada Lovelace").wait_for()


def test_in_and_out_and_in_again(browser: Browser, notes: Site) -> None:
    with tab(browser, notes.origin) as page:
        page.goto("/")
        page.get_by_text("Nobody is signed in").wait_for()
        sign_up(page)
        assert page.url == f"{notes.origin}/"

        # The library renews by its refresh token, across origins and without leaving the page.
        tokens = "users.getUser().then(user => [user.access_token, user.refresh_token, user.profile.sub])"
        before = page.evaluate(tokens)
        page.evaluate("users.signinSilent().then(() => null)")
        after = page.evaluate(tokens)
        assert after[2] == before[2]
        assert {after[0], after[1]}.isdisjoint(before)
        page.reload()
        page.get_by_text("Hello Ada Lovelace").wait_for()

        # The session at the provider brings the member back in without a question.
        page.evaluate("users.removeUser()")
        page.reload()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Hello Ada Lovelace").wait_for()

        page.get_by_role("button", name="Sign out").click()
        page.get_by_text("Nobody is signed in").wait_for()
        assert page.url.startswith(f"{notes.origin}/")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Password").wait_for()


def test_a_member_may_change_their_mind(browser: Browser, notes: Site) -> None:
    with tab(browser, notes.origin) as page:
        page.goto("/")
        create_account(page)
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("The member refused.").wait_for()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Allow").click()
        page.get_by_text("Hello ada@example.com").wait_for()  # she gave no name


def test_tokens_can_be_revoked_from_the_page(browser: Browser, notes: Site) -> None:
    with tab(browser, notes.origin) as page:
        page.goto("/")
        sign_up(page)
        page.evaluate("users.revokeTokens(['access_token', 'refresh_token'])")
        assert page.evaluate("users.getUser().then(user => user.refresh_token ?? null)") is None


def test_a_silent_sign_in_by_iframe(browser: Browser, notes: Site) -> None:
    """Where application and provider share a site: `prompt=none` in a hidden frame."""
    with tab(browser, notes.origin) as page:
        page.goto("/")
        sign_up(page)
        page.evaluate("users.getUser().then(u => { u.refresh_token = undefined; return users.storeUser(u) })")
        before = page.evaluate("users.getUser().then(user => user.access_token)")
        page.evaluate("users.signinSilent().then(() => null)")
        assert page.evaluate("users.getUser().then(user => user.access_token)") != before


def test_another_origin_reads_nothing(browser: Browser, base_url: str) -> None:
    """The page of an application that is not registered."""
    stranger = Site("", VENDOR)
    stranger.start()
    try:
        page = browser.new_page()
        page.goto(f"{stranger.origin}/vendor/jwt-decode.js")
        read = "url => fetch(url).then(answer => answer.status, error => error.name)"
        assert page.evaluate(read, f"{base_url}/userinfo") == "TypeError"
        assert page.evaluate(read, f"{base_url}/.well-known/openid-configuration") == 200
        assert page.evaluate(read, f"{base_url}/jwks") == 200
        page.close()
    finally:
        stranger.stop()
