"""The whole way in a real browser: an application's link, sign-up, consent, and the code back at it.

Chromium applies a page's form-action to every redirect behind its forms, so that these flows end at the
application, and where that leads on to, only because the pages leave it out of their policy.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import requests
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page
from tests.support.browser import accessibility_problems, overflow, picture, show, tab
from tests.support.receiver import Answer, Receiver

from msidp import db
from msidp.members import service as members
from msidp.vault.passwords import hash_password

# A browser and its policies do not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
PASSWORD = "correct horse"


@dataclass
class Application:
    """A registered application, its callback served by `receiver`."""

    issuer: str
    receiver: Receiver
    client_id: str
    secret: str | None
    redirect_uri: str
    verifier: str

    def link(self, **parameters: str) -> str:
        """Where its sign-in button leads."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email",
            "state": "the state",
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?{urlencode(query | parameters)}"

    def answer(self) -> dict[str, str]:
        """What the one request to its callback carried."""
        [call] = [call for call in self.receiver.requests if call.path.startswith("/callback")]
        self.receiver.requests.clear()
        return {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}

    def id_token(self, code: str) -> str:
        """Exchange the code."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "client_id": self.client_id,
        }
        token: str = requests.post(f"{self.issuer}/token", data=fields, timeout=10).json()["id_token"]
        return token

    def claims(self, code: str) -> dict[str, Any]:
        """Exchange the code; the claims of the ID token, its signature checked by the published keys."""
        token = self.id_token(code)
        key = jwt.PyJWKClient(f"{self.issuer}/jwks").get_signing_key_from_jwt(token)
        return jwt.decode(token, key, ["RS256"], audience=self.client_id, issuer=self.issuer, leeway=5)


@pytest.fixture
def notes(base_url: str, admin: FlaskClient) -> Iterator[Application]:
    """A native application that listens on loopback."""
    with Receiver() as receiver:
        redirect_uri = f"http://127.0.0.1:{receiver.port}/callback"
        body = {
            "name": "Acme Notes",
            "type": "native",
            "redirectUris": [redirect_uri],
            "postLogoutRedirectUris": [f"http://127.0.0.1:{receiver.port}/signed-out"],
        }
        made = admin.post("/applications", json=body).json["data"]
        yield Application(base_url, receiver, made["clientId"], None, redirect_uri, secrets.token_urlsafe(48))


def sign_up(page: Page) -> None:
    page.get_by_role("link", name="Create an account").click()
    page.get_by_text("to continue to Acme Notes").wait_for()
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()


def log_in(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_from_the_application_and_back(browser: Browser, notes: Application, scripts: bool) -> None:
    with tab(browser, notes.issuer, java_script_enabled=scripts) as page:
        page.goto(notes.link())
        page.get_by_text("to continue to Acme Notes").wait_for()
        sign_up(page)
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(f"{notes.redirect_uri}?*")
        answer = notes.answer()
        assert (answer["state"], answer["iss"]) == ("the state", notes.issuer)
        first = notes.claims(answer["code"])

        # The second time one click is enough, and it is the same person.
        page.goto(notes.link())
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(f"{notes.redirect_uri}?*")
        assert notes.claims(notes.answer()["code"])["sub"] == first["sub"]

        # Asked to log in again, the member does, and lands there from the log-in form itself.
        page.goto(notes.link(prompt="login"))
        assert page.get_by_label("Email address").input_value() == "ada@example.com"
        log_in(page)
        page.wait_for_url(f"{notes.redirect_uri}?*")
        again = notes.claims(notes.answer()["code"])
        assert again["sub"] == first["sub"]
        assert again["auth_time"] >= first["auth_time"]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_answer_in_a_form(browser: Browser, notes: Application, scripts: bool) -> None:
    with tab(browser, notes.issuer, java_script_enabled=scripts) as page:
        page.goto(notes.link(response_mode="form_post"))
        sign_up(page)
        page.get_by_role("button", name="Allow").click()
        if not scripts:
            page.get_by_role("button", name="Continue").click()
        page.wait_for_url(notes.redirect_uri)  # without a query
        [call] = [call for call in notes.receiver.requests if call.path == "/callback"]
        answer = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        assert (answer["state"], answer["iss"]) == ("the state", notes.issuer)
        assert notes.claims(answer["code"])["iss"] == notes.issuer


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_a_callback_that_leads_on_to_another_site(browser: Browser, notes: Application, mode: str) -> None:
    """Many applications answer at one origin and live at another, or at several."""
    with Receiver() as third:
        notes.receiver.script("/callback", Answer(303, {"Location": third.url("/home")}))
        with tab(browser, notes.issuer) as page:
            page.goto(notes.link(response_mode=mode))
            sign_up(page)
            page.get_by_role("button", name="Allow").click()
            page.wait_for_url(third.url("/home"))
            page.goto(notes.link(response_mode=mode, prompt="login"))  # this time behind the log-in form
            log_in(page)
            page.wait_for_url(third.url("/home"))


def test_with_another_account(browser: Browser, notes: Application, community_id: str) -> None:
    with db.transaction() as session:
        other = members.create_member(
            session, community_id, email="bob@example.com", password_hash=hash_password(PASSWORD)
        )
    with tab(browser, notes.issuer) as page:
        page.goto(notes.link())
        sign_up(page)
        page.get_by_text("Signed in as ada@example.com").wait_for()
        page.get_by_role("link", name="Use another account").click()
        page.get_by_label("Email address").fill("bob@example.com")
        log_in(page)
        page.get_by_text("Signed in as bob@example.com").wait_for()
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(f"{notes.redirect_uri}?*")
        assert notes.claims(notes.answer()["code"])["sub"] == other.id


def test_out_and_back(browser: Browser, notes: Application) -> None:
    """Logged out by the application: at once with a hint about the member, else after a question."""
    back = notes.redirect_uri.replace("/callback", "/signed-out")
    with tab(browser, notes.issuer) as page:
        page.goto(notes.link())
        sign_up(page)
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(f"{notes.redirect_uri}?*")
        hint = notes.id_token(notes.answer()["code"])
        query = urlencode({"id_token_hint": hint, "post_logout_redirect_uri": back, "state": "out"})
        page.goto(f"/end-session?{query}")
        page.wait_for_url(f"{back}?state=out")

        # Somebody else, so that the page asks; its form ends at the application.
        page.goto("/signup")
        page.get_by_label("Email address").fill("bob@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        page.goto(f"/end-session?{query}")
        page.get_by_text("Acme Notes asks to sign you out").wait_for()
        assert accessibility_problems(page) == []
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{back}?state=out")

        page.goto("/end-session")
        page.get_by_role("heading", name="You are signed out").wait_for()
        assert accessibility_problems(page) == []


def test_the_member_refuses(browser: Browser, notes: Application) -> None:
    with tab(browser, notes.issuer) as page:
        page.goto(notes.link(prompt="create"))
        page.get_by_label("Email address").fill("ada@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_url(f"{notes.redirect_uri}?*")
        answer = notes.answer()
        assert answer["error"] == "access_denied"
        assert "code" not in answer


def see(page: Page, name: str) -> None:
    """It is accessible and fits, on a small screen and in the dark on a wide one."""
    for scheme, width in (("light", 320), ("dark", 1280)):
        show(page, scheme, width)
        picture(page, f"{name}-{scheme}-{width}")
        assert accessibility_problems(page) == []
        assert overflow(page) <= 0


def test_the_pages_on_the_way_are_accessible(browser: Browser, notes: Application) -> None:
    with tab(browser, notes.issuer) as page:
        page.goto(notes.link())
        sign_up(page)
        page.get_by_role("button", name="Allow").wait_for()
        see(page, "consent")
        page.goto(notes.link(prompt="select_account"))
        page.get_by_role("button", name="Continue as ada@example.com").wait_for()
        see(page, "account")
        page.get_by_role("button", name="Continue as ada@example.com").click()
        page.get_by_role("button", name="Allow").wait_for()  # the choice was made, consent comes next
        page.goto(notes.link(redirect_uri="https://evil.example/"))
        page.get_by_role("heading", name="This sign-in cannot go on").wait_for()
        see(page, "refused")
