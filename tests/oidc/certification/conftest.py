"""The OpenID Foundation's certification plans, walked over HTTP: one test a module, named as it is there.

The site runs on SQLite, its applications are made as an operator makes them, and a browser without
scripts stands in for the person. Everything is looked at from outside, as the conformance suite does.
"""

import hashlib
import secrets
import shutil
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
import requests
from flask import Flask
from tests.conftest import SECRET_KEY
from tests.support.draining import drain
from tests.support.forms import Browser, Page
from tests.support.ports import free_port
from tests.support.valkey import ValkeyServer
from werkzeug.serving import make_server

from msidp import db
from msidp.app import create_app
from msidp.communities import service as communities
from msidp.settings import Settings

EMAIL, OTHER_EMAIL = "ada@example.com", "bob@example.com"
PASSWORD = "correct horse battery"
CALLBACK = "https://suite.example/callback"  # nobody goes there: the walk ends at its address
SIGNED_OUT = "https://suite.example/signed-out"
TIMEOUT = 30
PROFILE = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "King",
    "nickname": "ada",
    "preferred_username": "ada",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.png",
    "website": "https://ada.example.com/",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+44 20 1234",
    "phone_number_verified": True,
    "address": {"formatted": "12 St James's Square, London", "country": "GB"},
}


@dataclass(frozen=True)
class Site:
    """A running msidp and the key of its operator."""

    issuer: str
    secret_key: str
    app: Flask

    @property
    def metadata(self) -> dict[str, Any]:
        return self.get("/.well-known/openid-configuration").json()  # type: ignore[no-any-return]  # an object

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.issuer + path, headers=headers, timeout=TIMEOUT)

    def admin(self, path: str, body: dict[str, Any]) -> Any:
        """A POST to the Admin API; its data."""
        key = {"X-API-KEY": self.secret_key}
        answer = requests.post(self.issuer + path, json=body, headers=key, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@dataclass(frozen=True)
class Answer:
    """What came to the redirect URI, and how."""

    parameters: dict[str, str]
    posted: bool


@dataclass
class Party:
    """A registered client, as the suite configures it, and the browser in front of it.

    `mode` is the response mode that every request asks for.
    """

    site: Site
    browser: Browser
    client_id: str
    secret: str
    mode: str | None = None

    def request(self, **changes: str | None) -> dict[str, str]:
        """The suite's authorization request: the code flow, without PKCE. None leaves a parameter out."""
        whole = {
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "response_type": "code",
            "response_mode": self.mode,
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def ask(self, request: dict[str, str]) -> Page:
        """The page that this request leads to."""
        return self.browser.get(f"/authorize?{urlencode(request)}")

    def answered(self, page: Page, email: str = EMAIL) -> Answer:
        """The person logs in and allows, where they are asked to; then the application hears of it."""
        if page.path == "/login":
            page = self.browser.submit(page.form(), email=email, password=PASSWORD)
        if any(urlsplit(form.action).path == "/authorize/consent" for form in page.forms):
            page = self.browser.submit(page.form("/authorize/consent"), button="Allow")
        return self.answer(page)

    def answer(self, page: Page) -> Answer:
        """What this page carries to the redirect URI. With form_post nothing of it is in an address."""
        if self.mode == "form_post":
            form = page.form()
            assert (page.redirect, form.method, form.action) == (None, "POST", CALLBACK)
            assert "code=" not in page.url
            return Answer(form.values, posted=True)
        assert page.redirect is not None, page.text
        assert page.redirect.split("?")[0] == CALLBACK
        pairs = parse_qsl(urlsplit(page.redirect).query, keep_blank_values=True)
        assert len(dict(pairs)) == len(pairs)
        return Answer(dict(pairs), posted=False)

    def code(self, request: dict[str, str], email: str = EMAIL) -> str:
        """The code that this request ends in."""
        answer = self.answered(self.ask(request), email).parameters
        assert answer.get("error") is None, answer
        assert answer.get("state") == request.get("state")
        assert answer["iss"] == self.site.issuer
        return answer["code"]

    def token(self, fields: dict[str, str], *, post: bool = False) -> requests.Response:
        """The token endpoint's answer, by client_secret_basic unless `post`."""
        credentials = {"client_id": self.client_id, "client_secret": self.secret} if post else {}
        return requests.post(
            self.site.metadata["token_endpoint"],
            data=fields | credentials,
            auth=None if post else (self.client_id, self.secret),
            timeout=TIMEOUT,
        )

    def exchange(self, code: str, *, post: bool = False, **more: str) -> requests.Response:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return self.token(fields | more, post=post)

    def tokens(self, request: dict[str, str], email: str = EMAIL) -> "Tokens":
        """The whole flow, with every check that the suite makes of it."""
        return self.checked(self.exchange(self.code(request, email)), request)

    def checked(self, answer: requests.Response, request: dict[str, str]) -> "Tokens":
        """OpenID Connect Core 1.0, section 3.1.3.3 and 3.1.3.6."""
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].split(";")[0] == "application/json"
        assert "no-store" in answer.headers["Cache-Control"]
        body = answer.json()
        assert body["token_type"].lower() == "bearer"
        assert body["expires_in"] > 0
        tokens = Tokens(self.site, self.client_id, body)
        assert tokens.claims.get("nonce") == request.get("nonce")
        digest = hashlib.sha256(body["access_token"].encode()).digest()[:16]
        assert tokens.claims["at_hash"] == urlsafe_b64encode(digest).rstrip(b"=").decode()
        return tokens


class Tokens:
    """A token response; `claims` are the ID token's, its signature verified."""

    def __init__(self, site: Site, client_id: str, body: dict[str, Any], algorithm: str = "RS256") -> None:
        self.site = site
        self.body = body
        self.id_token: str = body["id_token"]
        self.access_token: str = body["access_token"]
        header = jwt.get_unverified_header(self.id_token)
        assert header["alg"] == algorithm
        key = jwt.PyJWKSet.from_dict(site.get("/jwks").json())[header["kid"]]
        self.claims: dict[str, Any] = jwt.decode(
            self.id_token, key, [algorithm], audience=client_id, issuer=site.issuer,
            options={"require": ["exp", "iat", "sub"]},
        )  # fmt: skip
        assert self.claims["aud"] == client_id
        assert 0 < len(self.claims["sub"]) <= 255
        assert not {"name", "email", "address", "phone_number"} & set(self.claims)

    def userinfo(self) -> dict[str, Any]:
        """The claims at userinfo, which are about the same person."""
        answer = self.site.get("/userinfo", Authorization=f"Bearer {self.access_token}")
        assert answer.status_code == 200, answer.text
        return self.about_the_same(answer)

    def about_the_same(self, answer: requests.Response) -> dict[str, Any]:
        assert answer.headers["Content-Type"].split(";")[0] == "application/json"
        body: dict[str, Any] = answer.json()
        assert body["sub"] == self.claims["sub"]
        return body


@pytest.fixture(scope="session")
def site(
    sqlite_template: Path, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One running site for all modules, with two members."""
    directory = tmp_path_factory.mktemp("certification")
    shutil.copy(sqlite_template, directory / "msidp.db")
    port = free_port()
    settings = Settings(
        instance_dir=directory,
        base_url=f"http://127.0.0.1:{port}",
        redis_url=valkey.url,
        secret_key=SECRET_KEY,
        outbound_allow_http=True,
        outbound_allow_networks="127.0.0.0/8",
    ).completed()
    app = create_app(settings)
    with app.app_context(), db.transaction() as session:
        key = communities.create_api_key(session, communities.ensure_default(session).id, "suite").secret_key
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    made = Site(settings.base_url, key, app)
    ada = {"email": EMAIL, "password": PASSWORD, "verified": True, "profile": PROFILE}
    made.admin("/members", ada)
    made.admin("/members", ada | {"email": OTHER_EMAIL})
    yield made
    server.shutdown()
    server.server_close()
    thread.join()
    with app.app_context():
        db.dispose()


def register(site: Site, browser: Browser, **fields: Any) -> Party:
    """A web application of the operator's."""
    body = {
        "name": "Suite",
        "type": "web",
        "redirectUris": [CALLBACK],
        "postLogoutRedirectUris": [SIGNED_OUT],
    }
    made = site.admin("/applications", body | fields)
    return Party(site, browser, made["clientId"], made["clientSecret"])


@pytest.fixture
def deliver(site: Site) -> Callable[[], None]:
    """What a worker would do now."""

    def work() -> None:
        with site.app.app_context():
            drain()

    return work


@pytest.fixture
def browser(site: Site) -> Browser:
    """A browser in which nobody is logged in."""
    return Browser(site.issuer)


@pytest.fixture
def client(site: Site, browser: Browser) -> Party:
    """The suite's first client."""
    return register(site, browser)
