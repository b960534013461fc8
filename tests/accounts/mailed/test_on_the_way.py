"""Members on the way to an application get there by mail too: reset, sign-in, sign-up."""

import base64
import hashlib
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.accounts.mailed.support import ADA, NEW_PASSWORD, ask, code_in, inbox, link_in, sign_up
from tests.support.forms import Browser, Page

pytestmark = pytest.mark.database("sqlite")

VERIFIER = "a-verifier-of-at-least-forty-three-characters-xyz"
CALLBACK = "https://app.example.com/callback"


@pytest.fixture
def authorize(admin: FlaskClient, base_url: str) -> str:
    """An authorization request of an application."""
    body = {"name": "Shop", "type": "spa", "redirectUris": [CALLBACK], "skipConsent": True}
    answer: Any = admin.post("/applications", json=body)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": answer.json["data"]["clientId"],
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid email",
        "state": "the-state",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{base_url}/authorize?{urlencode(query)}"


def arrived(page: Page) -> bool:
    assert page.redirect is not None, f"{page.status} {page.url}: {page.text}"
    assert page.redirect.startswith(CALLBACK), page.redirect
    return page.redirect_query["state"] == "the-state" and "code" in page.redirect_query


def below(page: Page, path: str) -> str:
    """The link on the page to this path, which carries the request on."""
    return unescape(page.html.split(f'href="{path}?')[1].split('"')[0]).join((f"{path}?", ""))


def test_a_forgotten_password(base_url: str, authorize: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    page = browser.get(authorize)
    page = ask(browser, below(page, "/forgot-password"))
    page = browser.get(link_in(inbox(base_url, ADA)[0], "/reset-password"))
    assert "to continue to Shop" in page.text
    assert arrived(browser.submit(page.form(), password=NEW_PASSWORD))


def test_a_mailed_code_and_a_mailed_link(base_url: str, authorize: str) -> None:
    sign_up(base_url)
    for by_link in (False, True):
        browser = Browser(base_url)
        page = ask(browser, below(browser.get(authorize), "/login/mail"))
        assert "to continue to Shop" in page.text
        mail = inbox(base_url, ADA)[0]
        if by_link:
            page = browser.get(link_in(mail, "/login/link"))
            assert arrived(browser.submit(page.form()))
        else:
            assert arrived(browser.submit(page.form(), code=code_in(mail)))


def test_a_sign_up_by_mail(app: Flask, base_url: str, authorize: str) -> None:
    settings = app.extensions["msidp_settings"]
    app.extensions["msidp_settings"] = settings.model_copy(update={"sign_up_proof": True})
    browser = Browser(base_url)
    page = browser.get(below(browser.get(authorize), "/signup"))
    page = browser.submit(page.form(), email=ADA, password=NEW_PASSWORD)
    assert page.title.startswith("Look into your mail")
    page = browser.get(link_in(inbox(base_url, ADA)[0], "/signup/finish"))
    assert "to continue to Shop" in page.text
    assert arrived(browser.submit(page.form()))
