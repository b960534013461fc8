"""Introspection (RFC 7662): what is told of a token, to whom, and that it is true at this moment."""

import time as real_time

import pytest
import time_machine
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, access_claims, basic, register
from tests.oidc.test_statements import statements
from werkzeug.test import TestResponse

from msidp import clock, db
from msidp.keys.keyring import keyring
from msidp.members import service as members
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

OFFLINE = "openid email offline_access"
INACTIVE = {"active": False}


def ask(relying: Relying, token: str, **fields: str) -> TestResponse:
    return relying.backend.post(
        "/introspect",
        data={"token": token, **fields},
        headers={"Authorization": basic(relying.client_id, relying.secret or "")},
    )


def told(relying: Relying, token: str, **fields: str) -> dict[str, object]:
    answer = ask(relying, token, **fields)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


def test_an_access_token(shop: Relying, member: Member) -> None:
    token = shop.tokens()["access_token"]
    claims = access_claims(token)
    del claims["gid"]  # the provider's own affair
    expected = {"active": True, "token_type": "Bearer", **claims}
    assert expected["sub"] == member.id
    assert {"iss", "aud", "exp", "iat", "jti", "scope", "client_id", "auth_time"} <= expected.keys()
    for hint in ({}, {"token_type_hint": "refresh_token"}, {"token_type_hint": "x"}):
        assert told(shop, token, **hint) == expected


def test_a_refresh_token(shop: Relying, member: Member) -> None:
    with time_machine.travel(real_time.time(), tick=False):
        now = clock.seconds(clock.now())
        token = shop.tokens(scope=OFFLINE)["refresh_token"]
        answer = told(shop, token)
    assert answer["auth_time"] <= now
    del answer["auth_time"]
    assert answer == {
        "active": True,
        "iss": keyring().issuer,
        "sub": member.id,
        "client_id": shop.client_id,
        "scope": OFFLINE,
        "iat": now,
        "exp": now + 30 * 86400,
    }


def test_a_machine_s_token(admin: FlaskClient, browser: FlaskClient) -> None:
    machine = register(admin, browser, type="machine", redirectUris=[], scopes=["reports:read"])
    answer = told(machine, machine.token(grant_type="client_credentials").json["access_token"])
    assert answer["active"] is True
    assert answer["sub"] == answer["client_id"] == machine.client_id
    assert answer["scope"] == "reports:read"


@pytest.mark.database("sqlite", "postgresql")
def test_one_query_a_token(shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    told(shop, "x")  # the client is fresh now
    for token in (tokens["access_token"], tokens["refresh_token"]):
        with statements() as seen:
            assert told(shop, token)["active"] is True
        asked = [statement for statement in seen if "FROM application" not in statement]
        assert len(asked) == 1, seen


def test_what_is_over(shop: Relying, member: Member, community_id: str) -> None:
    first = shop.tokens(scope=OFFLINE)
    second = shop.refresh(first["refresh_token"]).json
    assert told(shop, first["refresh_token"]) == INACTIVE  # redeemed
    assert told(shop, first["access_token"])["active"] is True
    assert told(shop, second["refresh_token"])["active"] is True
    shop.refresh(first["refresh_token"])  # a second time: the family ends
    orphaned = shop.tokens(scope=OFFLINE)
    with db.transaction() as session:
        members.delete_member(session, community_id, member.id)
    for tokens in (first, second, orphaned):
        assert told(shop, tokens["access_token"]) == INACTIVE
        assert told(shop, tokens["refresh_token"]) == INACTIVE


def test_what_has_expired(shop: Relying) -> None:
    with time_machine.travel(real_time.time(), tick=False) as time:
        tokens = shop.tokens(scope=OFFLINE)
        time.shift(3599)
        assert told(shop, tokens["access_token"])["active"] is True
        time.shift(1)
        assert told(shop, tokens["access_token"]) == INACTIVE
        assert told(shop, tokens["refresh_token"])["active"] is True
        time.shift(30 * 86400 - 3600)
        assert told(shop, tokens["refresh_token"]) == INACTIVE


def test_what_was_revoked(shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    header = {"Authorization": basic(shop.client_id, shop.secret or "")}
    assert (
        shop.backend.post("/revoke", data={"token": tokens["access_token"]}, headers=header).status_code
        == 200
    )
    assert told(shop, tokens["access_token"]) == INACTIVE
    assert told(shop, tokens["refresh_token"]) == INACTIVE


def test_other_clients_learn_nothing(admin: FlaskClient, shop: Relying, spa: Relying) -> None:
    other = register(admin, shop.browser)
    for relying in (shop, spa):
        tokens = relying.tokens(scope=OFFLINE)
        for which in ("access_token", "refresh_token"):
            assert told(other, tokens[which]) == INACTIVE


def test_what_is_no_token(shop: Relying) -> None:
    tokens = shop.tokens()
    claims = access_claims(tokens["access_token"])
    for token in (
        "x",
        "rt_x",
        "rt_\0",
        "ü\0",
        "a" * 60_000,
        tokens["id_token"],
        tokens["access_token"][:-2],
        keyring().sign(claims, typ="JWT"),
        keyring().sign(claims | {"iss": "https://evil.example"}, typ="at+jwt"),
        keyring().sign(claims | {"gid": "grt_x"}, typ="at+jwt"),
        keyring().sign(claims | {"gid": None}, typ="at+jwt"),
        keyring().sign(claims | {"gid": 7}, typ="at+jwt"),
    ):
        assert told(shop, token) == INACTIVE, token


def test_who_may_not_ask(shop: Relying, spa: Relying) -> None:
    token = shop.tokens()["access_token"]
    for data in (
        {"token": token},
        {"token": token, "client_id": shop.client_id},
        {"token": token, "client_id": shop.client_id, "client_secret": "wrong"},
        {"token": spa.tokens()["access_token"], "client_id": spa.client_id},
    ):
        answer = shop.backend.post("/introspect", data=data, headers={"Origin": "https://shop.example"})
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert "Access-Control-Allow-Origin" not in answer.headers  # a browser holds no secret
    by_form = {"token": token, "client_id": shop.client_id, "client_secret": shop.secret}
    assert shop.backend.post("/introspect", data=by_form).json["active"] is True
    assert ask(shop, "").json["error"] == "invalid_request"
    in_address = shop.backend.post(f"/introspect?token={token}", data=by_form)
    assert (in_address.status_code, in_address.json["error"]) == (400, "invalid_request")
    assert shop.backend.get("/introspect").status_code == 405
