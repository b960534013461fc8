"""The token endpoint: who may call, what is refused, and that a code or refresh token buys once."""

import base64
import re
import time as real_time
from collections.abc import Iterator

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.oidc.conftest import (
    VERIFIER,
    Relying,
    access_claims,
    basic,
    id_claims,
    register,
)
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from msidp import clock, db, ids
from msidp.members import service as members
from msidp.members.models import Member
from msidp.oidc import expiry, grants
from msidp.oidc.models import AuthorizationCode, Grant, RefreshToken

OFFLINE = "openid email offline_access"


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(real_time.time(), tick=False) as traveller:
        yield traveller


def error_of(answer: TestResponse, status: int = 400) -> str:
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) <= {"error", "error_description"}
    assert re.fullmatch(r"[ !#-\[\]-~]+", answer.json["error_description"])
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    return answer.json["error"]


def is_dead(relying: Relying, access_token: str) -> bool:
    return relying.userinfo(access_token).status_code == 401


# Client authentication


def test_unknown_clients_and_wrong_secrets_look_alike(shop: Relying, spa: Relying) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "y"}
    attempts = [
        {"headers": {"Authorization": basic(shop.client_id, "wrong")}},
        {"headers": {"Authorization": basic("client_unknown", "wrong")}},
        {"headers": {"Authorization": basic(shop.client_id, "")}},
        {"headers": {"Authorization": basic(spa.client_id, "")}},
        {"headers": {"Authorization": basic(spa.client_id, "wrong")}},
        {"headers": {"Authorization": basic("ü\0", "sécret\n")}},
        {"data": {"client_id": shop.client_id, "client_secret": "wrong"}},
        {"data": {"client_id": "client_unknown", "client_secret": "wrong"}},
        {"data": {"client_id": shop.client_id, "client_secret": "sécret\0"}},
        {"data": {"client_id": shop.client_id}},
        {"data": {"client_id": "client_unknown"}},
        {"data": {"client_id": "\0"}},
        {"data": {"client_id": spa.client_id, "client_secret": "any"}},
    ]
    answers = [
        shop.backend.post("/token", data={**form, **one.get("data", {})}, headers=one.get("headers"))
        for one in attempts
    ]
    assert {(error_of(answer, 401), answer.data) for answer in answers} == {
        ("invalid_client", answers[0].data)
    }


def test_broken_credentials_are_no_crash(shop: Relying) -> None:
    broken = ["Basic", "Basic ", "Basic !!!", "Basic é", "Bearer x", "Digest x", "x", "Basic " + "A" * 10_000]
    broken += [
        "Basic " + base64.b64encode(raw).decode() for raw in (b"\xff\xfe:\xff", b"no colon", b":", b"\0:\0")
    ]
    for header in broken:
        answer = shop.backend.post("/token", data={"grant_type": "x"}, headers={"Authorization": header})
        assert error_of(answer) == "unsupported_grant_type"
        form = {"grant_type": "authorization_code", "code": "x"}
        answer = shop.backend.post("/token", data=form, headers={"Authorization": header})
        assert error_of(answer, 401) == "invalid_client", header
    assert error_of(shop.backend.post("/token", data=form), 401) == "invalid_client"


def test_one_method_at_a_time(shop: Relying) -> None:
    code = shop.code()
    assert error_of(shop.exchange(code, client_secret=shop.secret)) == "invalid_request"
    assert error_of(shop.exchange(code, client_id="client_other")) == "invalid_request"
    assertion = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "x",
    }
    assert error_of(shop.exchange(code, **assertion), 401) == "invalid_client"
    assert shop.exchange(code, client_id=shop.client_id).status_code == 200  # none of it spent the code


def test_basic_credentials_are_form_encoded(shop: Relying) -> None:
    """RFC 6749, section 2.3.1: a client may encode more than it must."""
    encoded = "".join(f"%{byte:02X}" for byte in shop.client_id.encode())
    answer = shop.backend.post(
        "/token",
        data={"grant_type": "authorization_code", "code": "x", "redirect_uri": "y"},
        headers={"Authorization": basic(encoded, shop.secret or "")},
    )
    assert error_of(answer) == "invalid_grant"


def test_a_rotated_secret_ends_at_once(admin: FlaskClient, shop: Relying) -> None:
    code, old = shop.code(), shop.secret
    shop.secret = admin.post(f"/applications/{shop.id}/rotate-secret").json["data"]["clientSecret"]
    fresh, shop.secret = shop.secret, old
    assert error_of(shop.exchange(code), 401) == "invalid_client"
    shop.secret = fresh
    assert shop.exchange(code).status_code == 200


# The form


def test_parameters_come_once_and_in_the_body(shop: Relying) -> None:
    code = shop.code()
    headers = {"Authorization": basic(shop.client_id, shop.secret or "")}
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": shop.redirect_uri,
        "code_verifier": VERIFIER,
    }
    for name in form:
        doubled = MultiDict([*form.items(), (name, form[name])])
        answer = shop.backend.post("/token", data=doubled, headers=headers)
        assert error_of(answer) == "invalid_request", name
        rest = {key: value for key, value in form.items() if key != name}
        answer = shop.backend.post("/token", query_string={name: form[name]}, data=rest, headers=headers)
        assert error_of(answer) == "invalid_request", name
    assert error_of(shop.backend.post("/token", json=form, headers=headers)) == "invalid_request"
    not_utf8 = shop.backend.post(
        "/token",
        data=b"grant_type=%ff",
        headers=headers | {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert error_of(not_utf8) == "invalid_request"
    multipart = {"Content-Type": "multipart/form-data"}
    assert error_of(shop.backend.post("/token", data=form, headers=headers | multipart)) == "invalid_request"
    assert error_of(shop.backend.post("/token", headers=headers)) == "invalid_request"
    assert shop.backend.post("/token", data=form, headers=headers).status_code == 200


def test_grant_types_that_are_not_there(shop: Relying) -> None:
    for grant_type in (
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        'x"\\\n\0ü',
        "a" * 9000,
    ):
        assert error_of(shop.token(grant_type=grant_type)) == "unsupported_grant_type"
    assert error_of(shop.token(grant_type="")) == "invalid_request"
    assert error_of(shop.token(grant_type="client_credentials")) == "unauthorized_client"


def test_missing_parameters(shop: Relying) -> None:
    code = shop.code()
    assert error_of(shop.token(grant_type="authorization_code")) == "invalid_request"
    assert error_of(shop.exchange(code, redirect_uri=None)) == "invalid_request"
    assert error_of(shop.token(grant_type="refresh_token")) == "invalid_request"
    assert shop.exchange(code).status_code == 200


# Codes


def test_a_wrong_companion_spends_the_code(spa: Relying) -> None:
    for wrong in (
        {"redirect_uri": "https://shop.example/cb/"},
        {"redirect_uri": "https://evil.example/cb"},
        {"code_verifier": None},
        {"code_verifier": VERIFIER + "\n"},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": "short"},
        {"code_verifier": "ü" * 50},
    ):
        code = spa.code()
        assert error_of(spa.exchange(code, **wrong)) == "invalid_grant", wrong
        assert error_of(spa.exchange(code)) == "invalid_grant", wrong


def test_a_verifier_without_a_challenge_is_refused(shop: Relying) -> None:
    code = shop.code(code_challenge=None, code_challenge_method=None)
    assert error_of(shop.exchange(code)) == "invalid_grant"


def test_a_code_is_for_its_client(admin: FlaskClient, shop: Relying) -> None:
    other = register(admin, shop.browser)
    code = shop.code()
    assert error_of(other.exchange(code)) == "invalid_grant"
    assert shop.exchange(code).status_code == 200  # a stranger cannot spend it


def test_a_code_lasts_a_minute(shop: Relying, time: time_machine.Traveller) -> None:
    first, second = shop.code(), shop.code()
    time.shift(59)
    assert shop.exchange(first).status_code == 200
    time.shift(1)
    assert error_of(shop.exchange(second)) == "invalid_grant"


def test_a_second_use_revokes_what_was_issued(shop: Relying, time: time_machine.Traveller) -> None:
    for later in (0, 30, 3000):
        code = shop.code(scope=OFFLINE)
        tokens = shop.exchange(code).json
        assert not is_dead(shop, tokens["access_token"])
        time.shift(later)
        with db.transaction() as session:
            expiry.purge_expired(session, clock.now())
        assert error_of(shop.exchange(code)) == "invalid_grant"
        assert is_dead(shop, tokens["access_token"])
        assert error_of(shop.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_what_is_no_code(shop: Relying) -> None:
    for code in ("x", "\0", "ü", "a" * 9000, "' OR 1=1 --"):
        assert error_of(shop.exchange(code)) == "invalid_grant"
        assert error_of(shop.refresh(code)) == "invalid_grant"


# Refresh tokens


def test_a_refresh_token_needs_offline_access(shop: Relying) -> None:
    assert "refresh_token" not in shop.tokens()
    assert shop.tokens(scope=OFFLINE)["refresh_token"].startswith("rt_")


def test_an_application_without_the_grant_gets_none(admin: FlaskClient, shop: Relying) -> None:
    plain = register(admin, shop.browser, grantTypes=["authorization_code"])
    tokens = plain.tokens(scope=OFFLINE)
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid email"
    assert error_of(plain.refresh("rt_x")) == "unauthorized_client"


def test_refreshing_keeps_the_login_and_rotates(
    shop: Relying, spa: Relying, time: time_machine.Traveller
) -> None:
    for relying in (shop, spa):
        first = relying.tokens(scope=OFFLINE)
        before = id_claims(first["id_token"])
        time.shift(7200)
        answer = relying.refresh(first["refresh_token"])
        assert answer.status_code == 200, answer.json
        second = answer.json
        assert second["refresh_token"] != first["refresh_token"]
        after = id_claims(second["id_token"])
        for name in ("iss", "sub", "aud", "auth_time", "sid", "amr"):
            assert after[name] == before[name]
        assert after["iat"] == before["iat"] + 7200
        assert "nonce" not in after
        assert not is_dead(relying, second["access_token"])
        assert access_claims(second["access_token"])["scope"] == OFFLINE


def test_reuse_ends_the_family(shop: Relying) -> None:
    first = shop.tokens(scope=OFFLINE)
    second = shop.refresh(first["refresh_token"]).json
    assert error_of(shop.refresh(first["refresh_token"])) == "invalid_grant"
    assert error_of(shop.refresh(second["refresh_token"])) == "invalid_grant"
    for tokens in (first, second):
        assert is_dead(shop, tokens["access_token"])


def test_a_refresh_token_is_for_its_client(admin: FlaskClient, shop: Relying) -> None:
    other = register(admin, shop.browser)
    token = shop.tokens(scope=OFFLINE)["refresh_token"]
    assert error_of(other.refresh(token)) == "invalid_grant"
    assert shop.refresh(token).status_code == 200


def test_a_narrower_scope(shop: Relying) -> None:
    token = shop.tokens(scope=OFFLINE)["refresh_token"]
    narrow = shop.refresh(token, scope="openid").json
    assert narrow["scope"] == "openid"
    assert set(shop.userinfo(narrow["access_token"]).json) == {"sub"}
    none = shop.refresh(narrow["refresh_token"], scope="email").json
    assert "id_token" not in none
    assert error_of(shop.refresh(none["refresh_token"], scope="openid phone")) == "invalid_scope"
    whole = shop.refresh(none["refresh_token"])  # which spent nothing
    assert whole.json["scope"] == OFFLINE


def test_a_family_lasts_thirty_days(shop: Relying, time: time_machine.Traveller) -> None:
    token = shop.tokens(scope=OFFLINE)["refresh_token"]
    time.shift(30 * 86400 - 600)
    last = shop.refresh(token).json
    assert last["expires_in"] == 600  # nothing outlives the grant
    time.shift(599)
    assert not is_dead(shop, last["access_token"])
    time.shift(1)
    assert error_of(shop.refresh(last["refresh_token"])) == "invalid_grant"
    assert is_dead(shop, last["access_token"])


# Ends


def test_a_revoked_grant_ends_everything(shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    with db.core_transaction() as connection:
        grants.revoke(connection, access_claims(tokens["access_token"])["gid"])
    assert is_dead(shop, tokens["access_token"])
    assert error_of(shop.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_a_deleted_member_ends_everything(shop: Relying, member: Member, community_id: str) -> None:
    tokens, code = shop.tokens(scope=OFFLINE), shop.code()
    with db.transaction() as session:
        members.delete_member(session, community_id, member.id)
    assert is_dead(shop, tokens["access_token"])
    assert error_of(shop.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert error_of(shop.exchange(code)) == "invalid_grant"


def test_a_deleted_application_ends_its_grants(admin: FlaskClient, shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    admin.delete(f"/applications/{shop.id}")
    assert is_dead(shop, tokens["access_token"])
    assert error_of(shop.refresh(tokens["refresh_token"]), 401) == "invalid_client"
    with db.reading() as session:
        assert [
            session.scalars(select(model)).all() for model in (Grant, AuthorizationCode, RefreshToken)
        ] == [[]] * 3


def test_what_is_over_is_purged(shop: Relying, time: time_machine.Traveller) -> None:
    shop.tokens()
    shop.tokens(scope=OFFLINE)
    shop.browser.post("/authorize", data=shop.parameters())
    counts = []
    for days in (0, 1, 30):
        time.shift(days * 86400)
        with db.transaction() as session:
            counts.append(expiry.purge_expired(session, clock.now()))
    assert counts == [0, 2, 1]


def test_secrets_are_stored_as_hashes(shop: Relying) -> None:
    code = shop.code(scope=OFFLINE)
    token = shop.exchange(code).json["refresh_token"]
    with db.reading() as session:
        assert session.scalars(select(AuthorizationCode.code_hash)).one() == ids.hash_token(code)
        assert session.scalars(select(RefreshToken.token_hash)).one() == ids.hash_token(token)


# Machines


def test_a_machine_speaks_for_itself(admin: FlaskClient, browser: FlaskClient) -> None:
    machine = register(
        admin, browser, type="machine", redirectUris=[], scopes=["reports:read", "reports:write"]
    )
    answer = machine.token(grant_type="client_credentials")
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    claims = access_claims(answer.json["access_token"])
    assert claims["sub"] == claims["client_id"] == machine.client_id
    assert claims["scope"] == "reports:read reports:write"
    narrow = machine.token(grant_type="client_credentials", scope="reports:read").json
    assert access_claims(narrow["access_token"])["scope"] == "reports:read"
    for scope in ("reports:delete", "openid", "reports:read openid", "\0", "ü"):
        assert error_of(machine.token(grant_type="client_credentials", scope=scope)) == "invalid_scope"
    answer = machine.userinfo(narrow["access_token"])
    assert (answer.status_code, answer.json["error"]) == (403, "insufficient_scope")
    assert error_of(machine.exchange("x")) == "unauthorized_client"
