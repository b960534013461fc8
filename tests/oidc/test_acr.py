"""How sure a log-in is: what ID tokens say of it, and what applications may ask for."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, access_claims, id_claims, log_in, sent_to

from msidp.accounts import step_up
from msidp.accounts.assurance import (
    ACRS,
    AUTHENTICATOR_CODE,
    ONE_FACTOR,
    PASSWORD,
    PHISHING_RESISTANT,
    TWO_FACTORS,
    passkey,
)
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

TWO = PASSWORD + AUTHENTICATOR_CODE
KEY = passkey(synced=True, verified=True)


def essential(*values: str) -> dict[str, str]:
    return {"claims": json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})}


def acr(relying: Relying, **changes: Any) -> str:
    claims = id_claims(relying.tokens(**changes)["id_token"])
    return claims["acr"]


def error(relying: Relying, **changes: Any) -> str:
    return sent_to(relying.authorize(**changes), relying.redirect_uri)["error"]


@pytest.fixture
def means(monkeypatch: pytest.MonkeyPatch) -> None:
    """The member has a second factor, whatever its page looks like."""
    monkeypatch.setattr(step_up, "url", lambda _login, wanted, next_: f"/more?for={wanted[0]}&next={next_}")


def test_tokens_say_how_the_member_logged_in(shop: Relying, member: Member) -> None:
    for methods, reached, shown in (
        (PASSWORD, ONE_FACTOR, ["pwd"]),
        (TWO, TWO_FACTORS, ["pwd", "otp", "mfa"]),
        (KEY, PHISHING_RESISTANT, ["swk", "user", "mfa"]),
    ):
        log_in(shop.browser, member, methods)
        tokens = shop.tokens(scope="openid offline_access")
        refreshed = shop.refresh(tokens["refresh_token"]).json
        for claims in (id_claims(tokens["id_token"]), id_claims(refreshed["id_token"])):
            assert (claims["acr"], claims["amr"]) == (reached, shown)
        assert access_claims(tokens["access_token"])["acr"] == reached


def test_discovery_names_the_classes(client: FlaskClient) -> None:
    document = client.get("/.well-known/openid-configuration").json
    assert document["acr_values_supported"] == list(ACRS)
    assert "acr" in document["claims_supported"]


def test_what_is_asked_for_is_what_is_said(shop: Relying, member: Member) -> None:
    """A surer log-in is good for a lesser class, and the token names the one that was asked for."""
    log_in(shop.browser, member, KEY)
    assert acr(shop, acr_values=TWO_FACTORS) == TWO_FACTORS
    assert acr(shop, **essential(ONE_FACTOR, PHISHING_RESISTANT)) == ONE_FACTOR
    assert acr(shop, acr_values=f"urn:unknown {PHISHING_RESISTANT}") == PHISHING_RESISTANT


def test_a_wish_that_cannot_be_met_is_passed_over(shop: Relying) -> None:
    voluntary = json.dumps({"id_token": {"acr": {"values": [TWO_FACTORS]}}})
    for wish in ({"acr_values": TWO_FACTORS}, {"acr_values": "1 2"}, {"claims": voluntary}):
        assert acr(shop, **wish) == ONE_FACTOR
        assert acr(shop, prompt="none", **wish) == ONE_FACTOR


def test_a_need_that_cannot_be_met_is_an_error(shop: Relying) -> None:
    for values in ([TWO_FACTORS], [PHISHING_RESISTANT], ["urn:unknown"]):
        assert error(shop, **essential(*values)) == "unmet_authentication_requirements"
        assert error(shop, prompt="none", **essential(*values)) == "unmet_authentication_requirements"
    single = json.dumps({"id_token": {"acr": {"essential": True, "value": TWO_FACTORS}}})
    assert error(shop, claims=single) == "unmet_authentication_requirements"
    assert acr(shop, **essential("urn:unknown", ONE_FACTOR)) == ONE_FACTOR


def test_an_unknown_need_is_an_error_before_anybody_logs_in(shop: Relying) -> None:
    shop.browser.delete_cookie("msidp_session")
    assert error(shop, **essential("urn:unknown")) == "unmet_authentication_requirements"
    assert shop.authorize(**essential(TWO_FACTORS)).headers["Location"].startswith("/login?")


@pytest.mark.usefixtures("means")
def test_the_member_proves_more(shop: Relying, member: Member) -> None:
    for asked in ({"acr_values": TWO_FACTORS}, essential(TWO_FACTORS)):
        log_in(shop.browser, member)
        answer = shop.authorize(**asked)
        assert answer.status_code == 303
        page, path = answer.headers["Location"].split("&next=")
        assert page == f"/more?for={TWO_FACTORS}"
        assert shop.browser.get(path).headers["Location"] == answer.headers["Location"]  # still too little
        log_in(shop.browser, member, TWO)
        code = sent_to(shop.browser.get(path), shop.redirect_uri)["code"]
        assert id_claims(shop.exchange(code).json["id_token"])["acr"] == TWO_FACTORS


@pytest.mark.usefixtures("means")
def test_prompt_none_asks_for_nothing(shop: Relying) -> None:
    assert error(shop, prompt="none", **essential(TWO_FACTORS)) == "login_required"
    assert acr(shop, prompt="none", acr_values=TWO_FACTORS) == ONE_FACTOR
