"""The token endpoint: who may call it, and in what form."""

import base64
import time

import pytest
import time_machine
from flask.testing import FlaskClient
from tests.oidc.conftest import VERIFIER, Relying, access_claims, basic, register, token_error
from werkzeug.datastructures import MultiDict

pytestmark = pytest.mark.database("sqlite")


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
    assert {(token_error(answer, 401), answer.data) for answer in answers} == {
        ("invalid_client", answers[0].data)
    }


def test_broken_credentials_are_no_crash(shop: Relying) -> None:
    broken = ["Basic", "Basic ", "Basic !!!", "Basic é", "Bearer x", "Digest x", "x", "Basic " + "A" * 10_000]
    broken += [
        "Basic " + base64.b64encode(raw).decode() for raw in (b"\xff\xfe:\xff", b"no colon", b":", b"\0:\0")
    ]
    for header in broken:
        answer = shop.backend.post("/token", data={"grant_type": "x"}, headers={"Authorization": header})
        assert token_error(answer) == "unsupported_grant_type"
        form = {"grant_type": "authorization_code", "code": "x"}
        answer = shop.backend.post("/token", data=form, headers={"Authorization": header})
        assert token_error(answer, 401) == "invalid_client", header
    assert token_error(shop.backend.post("/token", data=form), 401) == "invalid_client"


def test_one_method_at_a_time(shop: Relying) -> None:
    code = shop.code()
    assert token_error(shop.exchange(code, client_secret=shop.secret)) == "invalid_request"
    assert token_error(shop.exchange(code, client_id="client_other")) == "invalid_request"
    assertion = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "x",
    }
    assert token_error(shop.exchange(code, **assertion)) == "invalid_request"
    assert shop.exchange(code, client_id=shop.client_id).status_code == 200  # none of it spent the code


def test_basic_credentials_are_form_encoded(shop: Relying) -> None:
    """RFC 6749, section 2.3.1: a client may encode more than it must."""
    encoded = "".join(f"%{byte:02X}" for byte in shop.client_id.encode())
    answer = shop.backend.post(
        "/token",
        data={"grant_type": "authorization_code", "code": "x", "redirect_uri": "y"},
        headers={"Authorization": basic(encoded, shop.secret or "")},
    )
    assert token_error(answer) == "invalid_grant"


def test_a_rotated_secret_ends_at_once_or_after_the_overlap(admin: FlaskClient, shop: Relying) -> None:
    path, first = f"/applications/{shop.id}/rotate-secret", shop.secret
    shop.secret = second = admin.post(path, json={"overlap": 60}).json["data"]["clientSecret"]
    assert shop.exchange(shop.code()).status_code == 200
    shop.secret = first
    assert shop.exchange(shop.code()).status_code == 200
    code = shop.code()
    with time_machine.travel(time.time() + 61):
        assert token_error(shop.exchange(code), 401) == "invalid_client"
    shop.secret = admin.post(path, json={"overlap": 0}).json["data"]["clientSecret"]
    fresh = shop.secret
    for shop.secret in (first, second):
        assert token_error(shop.exchange(code), 401) == "invalid_client"
    shop.secret = fresh
    assert shop.exchange(code).status_code == 200


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
        assert token_error(answer) == "invalid_request", name
        rest = {key: value for key, value in form.items() if key != name}
        answer = shop.backend.post("/token", query_string={name: form[name]}, data=rest, headers=headers)
        assert token_error(answer) == "invalid_request", name
    assert token_error(shop.backend.post("/token", json=form, headers=headers)) == "invalid_request"
    not_utf8 = shop.backend.post(
        "/token",
        data=b"grant_type=%ff",
        headers=headers | {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert token_error(not_utf8) == "invalid_request"
    multipart = {"Content-Type": "multipart/form-data"}
    assert (
        token_error(shop.backend.post("/token", data=form, headers=headers | multipart)) == "invalid_request"
    )
    assert token_error(shop.backend.post("/token", headers=headers)) == "invalid_request"
    assert shop.backend.post("/token", data=form, headers=headers).status_code == 200


def test_grant_types_that_are_not_there(shop: Relying) -> None:
    for grant_type in (
        "password",
        "implicit",
        'x"\\\n\0ü',
        "a" * 9000,
    ):
        assert token_error(shop.token(grant_type=grant_type)) == "unsupported_grant_type"
    assert token_error(shop.token(grant_type="")) == "invalid_request"
    for grant_type in ("client_credentials", "urn:ietf:params:oauth:grant-type:device_code"):
        assert token_error(shop.token(grant_type=grant_type)) == "unauthorized_client"


def test_missing_parameters(shop: Relying) -> None:
    code = shop.code()
    assert token_error(shop.token(grant_type="authorization_code")) == "invalid_request"
    assert token_error(shop.exchange(code, redirect_uri=None)) == "invalid_request"
    assert token_error(shop.token(grant_type="refresh_token")) == "invalid_request"
    assert shop.exchange(code).status_code == 200


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
        assert token_error(machine.token(grant_type="client_credentials", scope=scope)) == "invalid_scope"
    answer = machine.userinfo(narrow["access_token"])
    assert (answer.status_code, answer.json["error"]) == (403, "insufficient_scope")
    assert token_error(machine.exchange("x")) == "unauthorized_client"


def test_a_machine_without_scopes_is_told_of_none(admin: FlaskClient, browser: FlaskClient) -> None:
    machine = register(admin, browser, type="machine", redirectUris=[], scopes=[])
    answer = machine.token(grant_type="client_credentials").json
    assert set(answer) == {"access_token", "token_type", "expires_in"}  # "" is no scope (RFC 6749, 3.3)
    assert "scope" not in access_claims(answer["access_token"])
    refused = machine.userinfo(answer["access_token"])
    assert (refused.status_code, refused.json["error"]) == (403, "insufficient_scope")
