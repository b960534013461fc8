"""An application, a member who is logged in, and the steps of the code flow between them."""

import base64
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from msidp import db
from msidp.accounts import assurance, sessions
from msidp.keys.keyring import keyring
from msidp.members import service as members
from msidp.members.models import Member
from msidp.oidc import pkce

REDIRECT_URI = "https://shop.example/cb"
VERIFIER = secrets.token_urlsafe(48)
PROFILE = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "locale": "en",
    "phone_number": "+44 20 1234",
    "address": {"locality": "London", "country": "GB"},
    "email_verified": True,  # a profile cannot say so
}


@dataclass
class Relying:
    """An application's backend, and the browser of the member in front of it."""

    browser: FlaskClient
    id: str
    client_id: str
    secret: str | None
    redirect_uri: str = REDIRECT_URI
    backend: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.backend = self.browser.application.test_client(use_cookies=False)

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """An authorization request. A change to None leaves the parameter out."""
        whole = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email",
            "state": "s t&=#/ü",
            "nonce": "n-1",
            "code_challenge": pkce.challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def authorize(self, **changes: Any) -> TestResponse:
        return self.browser.get("/authorize", query_string=self.parameters(**changes))

    def push(self, *, auth: bool = True, **changes: Any) -> TestResponse:
        """POST /par, by HTTP Basic where there is a secret."""
        headers = {"Authorization": basic(self.client_id, self.secret)} if auth and self.secret else {}
        return self.backend.post("/par", data=self.parameters(**changes), headers=headers)

    def bring(self, request_uri: str, **extra: Any) -> TestResponse:
        """The browser brings a pushed request."""
        query = {"client_id": self.client_id, "request_uri": request_uri, **extra}
        return self.browser.get("/authorize", query_string=query)

    def code(self, **changes: Any) -> str:
        """The code of a request that needs no page."""
        return sent_to(self.authorize(**changes), self.redirect_uri)["code"]

    def token(self, *, auth: bool = True, **fields: Any) -> TestResponse:
        """POST /token, by HTTP Basic where there is a secret."""
        headers = {"Authorization": basic(self.client_id, self.secret)} if auth and self.secret else {}
        data = fields if self.secret else {"client_id": self.client_id, **fields}
        return self.backend.post(
            "/token", data={name: value for name, value in data.items() if value is not None}, headers=headers
        )

    def exchange(self, code: str, **changes: Any) -> TestResponse:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
        }
        return self.token(**(fields | changes))

    def refresh(self, token: str, **changes: Any) -> TestResponse:
        return self.token(**({"grant_type": "refresh_token", "refresh_token": token} | changes))

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """The whole flow."""
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.json
        return answer.json

    def userinfo(self, access_token: str) -> TestResponse:
        return self.backend.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def sent_to(answer: TestResponse, redirect_uri: str) -> dict[str, str]:
    """What the browser carries to the redirect URI."""
    assert answer.status_code in (302, 303), (answer.status_code, answer.text)
    location = answer.headers["Location"]
    assert location.startswith(redirect_uri), location
    pairs = parse_qs(urlsplit(location).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in pairs.values()), location
    return {name: values[0] for name, values in pairs.items()}


def token_error(answer: TestResponse, status: int = 400) -> str:
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) <= {"error", "error_description"}
    assert re.fullmatch(r"[ !#-\[\]-~]+", answer.json["error_description"])
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    return answer.json["error"]


def id_claims(token: str) -> dict[str, Any]:
    return keyring().verify(token, typ={"JWT"})


def access_claims(token: str) -> dict[str, Any]:
    return keyring().verify(token, typ={"at+jwt"})


def new_member(community_id: str, email: str = "ada@example.com") -> Member:
    with db.transaction() as session:
        return members.create_member(session, community_id, email=email, verified=True, profile=PROFILE)


def log_in(browser: FlaskClient, member: Member, methods: tuple[str, ...] = assurance.PASSWORD) -> None:
    """Give the browser a session, as the log-in page would."""
    with db.transaction() as session:
        token = sessions.start(session, member, methods).token
    browser.set_cookie("msidp_session", token)


def csrf_token(relying: Relying) -> str:
    """The one in the browser's forms."""
    page = relying.browser.get("/logout").text
    return page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]


def log_out(relying: Relying) -> None:
    """As the page does."""
    token = csrf_token(relying)
    assert relying.browser.post("/logout", data={"csrf_token": token}).status_code == 303


def register(admin: FlaskClient, browser: FlaskClient, **changes: Any) -> Relying:
    body = {"name": "Shop", "type": "web", "redirectUris": [REDIRECT_URI], "skipConsent": True} | changes
    answer = admin.post("/applications", json=body)
    assert answer.status_code == 200, answer.json
    made = answer.json["data"]
    uris = made["redirectUris"]
    return Relying(
        browser, made["id"], made["clientId"], made["clientSecret"], uris[0] if uris else REDIRECT_URI
    )


@pytest.fixture
def member(community_id: str) -> Member:
    return new_member(community_id)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser in which nobody is logged in."""
    return app.test_client()


@pytest.fixture
def shop(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """A web application that asks for no consent; the member is logged in."""
    log_in(browser, member)
    return register(admin, browser)


@pytest.fixture
def spa(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """A public application that asks for no consent; the member is logged in."""
    log_in(browser, member)
    return register(admin, browser, type="spa")
