"""An application asks for more proof than the member gave: the way there and back, over HTTP."""

import json
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import requests
from flask.testing import FlaskClient
from tests.accounts.factors.support import add_app, code, log_in, sign_up
from tests.support.forms import Browser, Page

from msidp.accounts.assurance import ONE_FACTOR, PHISHING_RESISTANT, TWO_FACTORS

pytestmark = pytest.mark.database("sqlite")


class Party:
    """A confidential application. Nobody listens at its callback: browsers stop on the way there."""

    redirect_uri = "https://bank.example/cb"

    def __init__(self, issuer: str, admin: FlaskClient) -> None:
        self.issuer = issuer
        body = {"name": "Bank", "type": "web", "redirectUris": [self.redirect_uri], "skipConsent": True}
        made = admin.post("/applications", json=body).json["data"]
        self.credentials = (made["clientId"], made["clientSecret"])

    def link(self, **changes: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self.credentials[0],
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
        }
        return f"/authorize?{urlencode(query | changes)}"

    def id_token(self, page: Page) -> dict[str, Any]:
        """What the ID token says that the page's redirect leads to."""
        fields = {
            "grant_type": "authorization_code",
            "code": page.redirect_query["code"],
            "redirect_uri": self.redirect_uri,
        }
        answer = requests.post(f"{self.issuer}/token", data=fields, auth=self.credentials, timeout=10)
        claims: dict[str, Any] = jwt.decode(answer.json()["id_token"], options={"verify_signature": False})
        return claims


@pytest.fixture
def bank(base_url: str, admin: FlaskClient) -> Party:
    return Party(base_url, admin)


def essential(value: str) -> dict[str, str]:
    return {"claims": json.dumps({"id_token": {"acr": {"essential": True, "value": value}}})}


def test_from_a_password_to_two_factors(bank: Party) -> None:
    browser, other = Browser(bank.issuer), Browser(bank.issuer)
    sign_up(browser)
    log_in(other)
    secret, _ = add_app(browser)

    before = bank.id_token(other.get(bank.link()))
    assert (before["acr"], before["amr"]) == (ONE_FACTOR, ["pwd"])

    page = other.get(bank.link(acr_values=TWO_FACTORS))
    assert page.path == "/login/verify"
    after = bank.id_token(other.submit(page.form(), code=code(secret)))
    assert (after["acr"], after["amr"]) == (TWO_FACTORS, ["pwd", "otp", "mfa"])
    assert after["auth_time"] == before["auth_time"]

    # The session has it by now.
    assert bank.id_token(other.get(bank.link(**essential(TWO_FACTORS))))["acr"] == TWO_FACTORS
    refused = other.get(bank.link(**essential(PHISHING_RESISTANT)))
    assert refused.redirect_query["error"] == "unmet_authentication_requirements"


def test_who_is_not_logged_in_does_both(bank: Party) -> None:
    browser, other = Browser(bank.issuer), Browser(bank.issuer)
    sign_up(browser)
    secret, _ = add_app(browser)
    page = other.get(bank.link(**essential(TWO_FACTORS)))
    assert page.path == "/login"
    page = log_in(other, at=page.url.removeprefix(bank.issuer))
    assert page.path == "/login/verify"
    assert bank.id_token(other.submit(page.form(), code=code(secret)))["acr"] == TWO_FACTORS


def test_who_has_no_second_factor(bank: Party) -> None:
    browser = Browser(bank.issuer)
    sign_up(browser)
    assert bank.id_token(browser.get(bank.link(acr_values=TWO_FACTORS)))["acr"] == ONE_FACTOR
    refused = browser.get(bank.link(**essential(TWO_FACTORS)))
    assert refused.redirect_query["error"] == "unmet_authentication_requirements"
