"""The FAPI 2.0 Security Profile, as a switch of an application: what its requests must be like."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.oidc.conftest import Relying, access_claims, id_claims, log_in, register, sent_to, token_error
from tests.oidc.test_authorize_checks import error_of
from tests.oidc.test_client_assertions import KEYS, TYPE, signed
from tests.oidc.test_dpop import KEY, OTHER, proof
from tests.support.jose import public
from werkzeug.test import TestResponse

from msidp import db
from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc import pkce
from msidp.oidc.models import Grant

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def bank(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """An application held to the profile; the member is logged in."""
    log_in(browser, member)
    keys = public(KEYS["PS256"], KEYS["ES256"])
    one = register(admin, browser, name="Bank", securityProfile="fapi2", jwks=keys)
    one.secret = None
    return one


def assertion(bank: Relying, **changes: Any) -> dict[str, str]:
    sent = signed(bank.client_id, keyring().issuer, **changes)
    return {"client_assertion_type": TYPE, "client_assertion": sent}


def push(bank: Relying, dpop: str | None = None, **changes: Any) -> TestResponse:
    data = bank.parameters(**(assertion(bank) | changes))
    return bank.backend.post("/par", data=data, headers={"DPoP": dpop} if dpop else {})


def code(bank: Relying, dpop: str | None = None, **changes: Any) -> str:
    answer = push(bank, dpop, **changes)
    assert answer.status_code == 201, answer.json
    return sent_to(bank.bring(answer.json["request_uri"]), bank.redirect_uri)["code"]


def exchange(bank: Relying, code: str, *, key: Any = KEY) -> TestResponse:
    headers = {"DPoP": proof("POST", f"{keyring().issuer}/token", key=key)} if key else {}
    bank.backend.environ_base.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
    try:
        return bank.exchange(code, **assertion(bank))
    finally:
        bank.backend.environ_base.pop("HTTP_DPOP", None)


def test_the_whole_flow(bank: Relying) -> None:
    tokens = exchange(bank, code(bank)).json
    assert tokens["token_type"] == "DPoP"
    assert access_claims(tokens["access_token"])["cnf"] == {"jkt": KEY.thumbprint()}
    assert id_claims(tokens["id_token"])["aud"] == bank.client_id


def test_requests_come_pushed_alone(bank: Relying) -> None:
    assert error_of(bank, bank.authorize()) == "invalid_request"
    by_post = bank.browser.post("/authorize", data=bank.parameters())
    assert error_of(bank, by_post) == "invalid_request"


def test_what_the_profile_does_not_allow(bank: Relying) -> None:
    for changes, error in (
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "a" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://shop.example/other"}, "invalid_request"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    ):
        assert token_error(push(bank, **changes)) == error, changes


def test_pushing_needs_the_application_s_signature(bank: Relying) -> None:
    nothing = bank.backend.post("/par", data=bank.parameters())
    assert token_error(nothing, 401) == "invalid_client"
    for wrong in (
        assertion(bank, alg="RS256", key=KEYS["RS256"]),
        assertion(bank, aud="https://evil.example"),
    ):
        assert token_error(push(bank, **wrong), 401) == "invalid_client"
    once = assertion(bank)
    assert push(bank, **once).status_code == 201
    assert token_error(push(bank, **once), 401) == "invalid_client"  # an assertion is good once


def test_a_code_is_good_for_a_minute_at_most(bank: Relying) -> None:
    code(bank)
    with db.reading() as session:
        [row] = session.scalars(select(Grant))
        assert row.code_expires_at <= int(time.time() * 1000) + 60_000


def test_without_a_proof_there_are_no_tokens(bank: Relying) -> None:
    assert token_error(exchange(bank, code(bank), key=None)) == "invalid_dpop_proof"


@pytest.mark.parametrize("by_header", [True, False])
def test_a_code_bound_to_a_key_is_worth_nothing_without_it(bank: Relying, by_header: bool) -> None:
    def bound() -> str:
        if by_header:
            return code(bank, proof("POST", f"{keyring().issuer}/par"))
        return code(bank, dpop_jkt=KEY.thumbprint())

    assert exchange(bank, bound()).status_code == 200
    assert exchange(bank, bound(), key=OTHER).status_code == 400


def test_proofs_that_prove_nothing_are_refused(bank: Relying) -> None:
    here = f"{keyring().issuer}/par"
    for wrong in ("x", proof("POST", f"{keyring().issuer}/token"), proof("GET", here)):
        assert token_error(push(bank, wrong)) == "invalid_dpop_proof"
    assert token_error(push(bank, proof("POST", here), dpop_jkt=OTHER.thumbprint())) == "invalid_dpop_proof"
    once = proof("POST", here)
    assert push(bank, once).status_code == 201
    assert token_error(push(bank, once)) == "invalid_dpop_proof"


def test_every_answer_names_its_issuer(bank: Relying) -> None:
    for changes in ({}, {"prompt": "none", "max_age": "0"}):
        uri = push(bank, **changes).json["request_uri"]
        assert sent_to(bank.bring(uri), bank.redirect_uri)["iss"] == keyring().issuer


def test_the_verifier_is_checked(bank: Relying) -> None:
    other = code(bank, code_challenge=pkce.challenge_of("x" * 43))
    assert token_error(exchange(bank, other)) == "invalid_grant"


@pytest.mark.database("sqlite", "postgresql")
def test_what_the_profile_demands_is_said_to_be_in_force(bank: Relying, admin: FlaskClient) -> None:
    names = ("requirePkce", "requirePushedAuthorizationRequests", "dpopBoundAccessTokens")
    path = f"/applications/{bank.id}"
    for answer in (admin.get(path), admin.patch(path, json={"name": "The bank"})):
        assert [answer.json["data"][name] for name in names] == [True] * 3
    listed = admin.get("/applications").json["data"][0]
    assert [listed[name] for name in names] == [True] * 3
    loose = admin.patch(path, json={"securityProfile": None}).json["data"]
    assert [loose[name] for name in names] == [False] * 3  # what the application itself asked for
