"""Dynamic client registration: who may, what becomes of metadata, and how a client looks after itself."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.oidc.conftest import REDIRECT_URI, Relying, log_in
from tests.support.threads import at_once
from werkzeug.test import TestResponse

from msidp import clock, db
from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc.models import Application, InitialAccessToken

JWKS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}


@pytest.fixture
def token(admin: FlaskClient) -> str:
    """An initial access token that lasts for the whole test."""
    return new_token(admin, maxUses=None)


@pytest.fixture
def stopped() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now() / 1000, tick=False) as traveller:
        yield traveller


def new_token(admin: FlaskClient, **fields: Any) -> str:
    answer = admin.post("/initial-access-tokens", json={"name": "partners", **fields})
    assert answer.status_code == 200, answer.json
    made: str = answer.json["data"]["token"]
    return made


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def send(client: FlaskClient, token: str, **metadata: Any) -> TestResponse:
    body = {"redirect_uris": [REDIRECT_URI], "client_name": "Shop"} | metadata
    return client.post("/register", json=body, headers=bearer(token))


def registered(client: FlaskClient, token: str, **metadata: Any) -> dict[str, Any]:
    answer = send(client, token, **metadata)
    assert answer.status_code == 201, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json
    return found


def refused(answer: TestResponse) -> tuple[str, str]:
    assert answer.status_code == 400, (answer.status_code, answer.text)
    assert set(answer.json) == {"error", "error_description"}
    return answer.json["error"], answer.json["error_description"]


def applications() -> list[Application]:
    with db.reading() as session:
        return list(session.scalars(select(Application)))


def test_a_client_registers_and_signs_a_member_in(
    client: FlaskClient, browser: FlaskClient, token: str, member: Member
) -> None:
    made = registered(client, token, scope="openid email", client_uri="https://shop.example/")
    assert made["client_secret_expires_at"] == 0
    assert made["registration_client_uri"] == f"{keyring().issuer}/register/{made['client_id']}"
    assert made | {"client_name": "Shop", "scope": "openid email", "response_types": ["code"]} == made
    assert made["grant_types"] == ["authorization_code"]
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["client_uri"] == "https://shop.example/"
    assert "skip_consent" not in made
    log_in(browser, member)
    shop = Relying(browser, "", made["client_id"], made["client_secret"])
    assert "Allow Shop?" in shop.authorize(scope="openid email").text


@pytest.mark.database("sqlite")
def test_metadata_of_each_kind(admin: FlaskClient, client: FlaskClient) -> None:
    token = new_token(admin, maxUses=None, scopes=["openid", "reports:read"])

    def kind(**metadata: Any) -> tuple[str, str, bool]:
        made = registered(client, token, **metadata)
        row = next(row for row in applications() if row.client_id == made["client_id"])
        assert not row.skip_consent
        return row.type, made["token_endpoint_auth_method"], "client_secret" in made

    public = {"token_endpoint_auth_method": "none"}
    assert kind() == ("web", "client_secret_basic", True)
    assert kind(**public) == ("spa", "none", False)
    assert kind(**public, redirect_uris=["http://localhost:3334/callback"]) == ("native", "none", False)
    assert kind(**public, redirect_uris=["com.example.app:/cb"]) == ("native", "none", False)
    assert kind(application_type="native") == ("native", "none", False)
    assert kind(token_endpoint_auth_method="private_key_jwt", jwks=JWKS) == ("web", "private_key_jwt", False)
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "reports:read"}
    assert kind(**machine) == ("machine", "client_secret_basic", True)


@pytest.mark.database("sqlite")
def test_what_is_unknown_or_not_a_client_s_to_choose_is_passed_over(client: FlaskClient, token: str) -> None:
    made = registered(
        client,
        token,
        skip_consent=True,
        skipConsent=True,
        access_token_lifetime=86_400,
        security_profile="fapi2",
        name="Evil",
        type="machine",
        contacts=["a@example.com"],
        client_id="client_mine",
        client_secret="mine",
        logo_uri=None,
        **{"client_name#ja": "店"},
    )
    [row] = applications()
    assert (row.name, row.type, row.skip_consent, row.security_profile) == ("Shop", "web", False, None)
    assert row.access_token_lifetime == 3600
    assert made["client_id"] == row.client_id != "client_mine"
    assert made["client_secret"] != "mine"


UNUSABLE_URIS: list[Any] = [
    [],
    ["http://shop.example/cb"],
    ["https://shop.example/cb#x"],
    ["https://u@shop.example/"],
    ["javascript:alert(1)"],
    [REDIRECT_URI, REDIRECT_URI],
    "https://shop.example/cb",
    [7],
    ["https://[::1"],
    {"a": "b"},
]


@pytest.mark.database("sqlite")
def test_unusable_redirect_uris(client: FlaskClient, token: str) -> None:
    for uris in UNUSABLE_URIS:
        assert refused(send(client, token, redirect_uris=uris))[0] == "invalid_redirect_uri", uris
    assert applications() == []


UNUSABLE: list[tuple[str, Any]] = [
    ("grant_types", ["implicit"]),
    ("grant_types", "authorization_code"),
    ("grant_types", ["refresh_token"]),
    ("grant_types", ["authorization_code", "client_credentials"]),
    ("response_types", ["token"]),
    ("response_types", ["code", "id_token"]),
    ("response_types", "code"),
    ("token_endpoint_auth_method", "client_secret_jwt"),
    ("token_endpoint_auth_method", "private_key_jwt"),  # without keys
    ("token_endpoint_auth_method", 7),
    ("application_type", "service"),
    ("application_type", ["web"]),
    ("client_name", 7),
    ("client_name", "x" * 201),
    ("client_name", "a\0b"),
    ("scope", "openid admin"),
    ("scope", 7),
    ("scope", "email"),
    ("jwks", {"keys": []}),
    ("jwks", "x"),
    ("jwks_uri", "https://10.0.0.1/jwks"),
    ("jwks_uri", "http://169.254.169.254/"),
    ("backchannel_logout_uri", "https://192.168.1.1/"),
    ("post_logout_redirect_uris", ["http://x.example/"]),
    ("logo_uri", "javascript:alert(1)"),
    ("policy_uri", "data:text/html,x"),
    ("id_token_signed_response_alg", "none"),
    ("id_token_signed_response_alg", "HS256"),
    ("subject_type", "other"),
    ("sector_identifier_uri", "https://127.0.0.1.example\\@evil/"),
    ("require_pushed_authorization_requests", "true"),
]


@pytest.mark.database("sqlite")
def test_unusable_metadata(client: FlaskClient, token: str) -> None:
    for name, value in UNUSABLE:
        error, description = refused(send(client, token, **{name: value}))
        assert error == "invalid_client_metadata", (name, value)
        assert description.isascii()
    assert applications() == []


@pytest.mark.database("sqlite")
def test_a_software_statement_is_refused_by_name(client: FlaskClient, token: str) -> None:
    error, description = refused(send(client, token, software_statement="eyJ.e.x"))
    assert error == "unapproved_software_statement"
    assert "software_statement" in description


@pytest.mark.database("sqlite")
def test_unreadable_bodies(client: FlaskClient, token: str) -> None:
    for body in (b"", b"[]", b"{", b"\xff", b'{"redirect_uris": ["a\\u0000"]}', b"{}"):
        answer = client.post("/register", data=body, headers=bearer(token), content_type="application/json")
        assert refused(answer)[0] in ("invalid_client_metadata", "invalid_redirect_uri"), body
    huge = client.post("/register", data=b"1" * 1_100_000, headers=bearer(token))
    assert huge.status_code == 413


@pytest.mark.database("sqlite")
def test_without_a_token_nobody_registers(client: FlaskClient) -> None:
    for headers in (
        {},
        bearer("iat_unknown"),
        bearer(""),
        {"Authorization": "Basic eDp5"},
        bearer("\xff"),
        {"X-API-KEY": "sk_x"},
    ):
        answer = client.post("/register", json={"redirect_uris": [REDIRECT_URI]}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert applications() == []


def test_a_token_is_used_as_often_as_it_says(admin: FlaskClient, client: FlaskClient) -> None:
    token = new_token(admin, maxUses=2)
    refused(send(client, token, redirect_uris=[]))  # costs nothing
    for _ in range(2):
        registered(client, token)
    assert send(client, token).status_code == 401
    [row] = admin.get("/initial-access-tokens").json["data"]
    assert (row["uses"], row["maxUses"]) == (2, 2)
    assert token not in str(row)


@pytest.mark.database("sqlite")
def test_a_token_says_what_may_be_registered_with_it(admin: FlaskClient, client: FlaskClient) -> None:
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "reports:read"}
    refused(send(client, new_token(admin), **machine))  # nobody named it
    narrow = new_token(
        admin,
        maxUses=None,
        grantTypes=["authorization_code", "client_credentials"],
        scopes=["openid", "email", "reports:read"],
        redirectHosts=["shop.example"],
    )
    made = registered(client, narrow)
    assert made["scope"] == "openid email"  # of what it would get, what it may have
    assert registered(client, narrow, **machine)["scope"] == "reports:read"
    wanted_too_much: tuple[dict[str, Any], ...] = (
        {"grant_types": ["authorization_code", "refresh_token"]},
        {"scope": "openid profile"},
        {"redirect_uris": [REDIRECT_URI, "https://shop.example.evil.example/"]},
        {"redirect_uris": ["https://www.shop.example/"]},
        {"application_type": "native", "redirect_uris": ["com.example.app:/cb"]},
        {"application_type": "native", "redirect_uris": ["com.example.app://shop.example/cb"]},
        {"post_logout_redirect_uris": ["https://evil.example/"]},
    )
    for change in wanted_too_much:
        refused(send(client, narrow, **change))
    path, auth = f"/register/{made['client_id']}", bearer(made["registration_access_token"])
    body = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI]}
    for change in wanted_too_much[:4]:
        refused(client.put(path, json=body | change, headers=auth))
    [row] = [row for row in applications() if row.client_id == made["client_id"]]
    given = {"scopes": ["openid", "profile"], "redirectUris": ["https://other.example/cb"]}
    assert admin.patch(f"/applications/{row.id}", json=given).status_code == 200
    body |= {"redirect_uris": given["redirectUris"], "scope": "openid profile"}
    assert client.put(path, json=body, headers=auth).status_code == 200  # what the operator gave stays


@pytest.mark.database("sqlite")
def test_limits_that_are_none_are_refused(admin: FlaskClient) -> None:
    for limits in (
        {"scopes": []},
        {"scopes": ["a b"]},
        {"grantTypes": ["password"]},
        *(
            {"redirectHosts": [host]}
            for host in ("a.example:443", "A.example", "u@a", "a/b", "[::1", "", "*")
        ),
    ):
        answer = admin.post("/initial-access-tokens", json={"name": "x", **limits})
        assert answer.status_code == 422, limits


def test_a_token_of_one_use_is_used_once(app: Flask, admin: FlaskClient) -> None:
    token = new_token(admin)
    statuses = at_once(8, lambda _: send(app.test_client(), token).status_code)
    assert sorted(statuses) == [201, *[401] * 7]
    assert len(applications()) == 1


def test_a_token_expires_and_is_revoked(
    admin: FlaskClient, client: FlaskClient, stopped: time_machine.Traveller
) -> None:
    short, other = new_token(admin, expiresIn=60), new_token(admin, maxUses=None, expiresIn=None)
    stopped.shift(60)
    assert send(client, short).status_code == 401
    registered(client, other)
    [*_, row] = admin.get("/initial-access-tokens").json["data"]
    path = f"/initial-access-tokens/{row['id']}"
    assert admin.delete(path).status_code == 200
    assert send(client, other).status_code == 401
    assert admin.delete(path).status_code == 404
    assert len(applications()) == 1


@pytest.mark.database("sqlite")
def test_tokens_are_stored_as_hashes(client: FlaskClient, token: str) -> None:
    made = registered(client, token)
    with db.reading() as session:
        stored = str([vars(row) for row in session.scalars(select(InitialAccessToken))])
        stored += str([vars(row) for row in session.scalars(select(Application))])
    for secret in (token, made["registration_access_token"], made["client_secret"]):
        assert secret not in stored


def test_a_client_looks_after_itself(client: FlaskClient, token: str) -> None:
    made = registered(client, token, logo_uri="https://shop.example/logo.png", scope="openid email")
    path, auth = f"/register/{made['client_id']}", bearer(made["registration_access_token"])
    shown = client.get(path, headers=auth)
    assert shown.status_code == 200
    assert shown.json == {
        name: value
        for name, value in made.items()
        if name not in ("client_secret", "client_secret_expires_at")
    }
    uris = ["https://shop.example/other"]
    body = {"client_id": made["client_id"], "redirect_uris": uris, "client_secret": made["client_secret"]}
    changed = client.put(path, json=body, headers=auth)
    assert changed.status_code == 200, changed.json
    assert changed.json["redirect_uris"] == uris
    assert changed.json["client_name"] == "shop.example"
    assert "logo_uri" not in changed.json  # what is left out is gone
    assert changed.json["scope"] == "openid profile email address phone offline_access"
    assert client.delete(path, headers=auth).status_code == 204
    assert client.get(path, headers=auth).status_code == 401
    assert applications() == []


@pytest.mark.database("sqlite")
def test_what_the_operator_decided_stays(admin: FlaskClient, client: FlaskClient, token: str) -> None:
    made = registered(client, token)
    [row] = applications()
    assert admin.patch(f"/applications/{row.id}", json={"skipConsent": True}).status_code == 200
    body = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI]}
    auth = bearer(made["registration_access_token"])
    assert client.put(f"/register/{made['client_id']}", json=body, headers=auth).status_code == 200
    [row] = applications()
    assert row.skip_consent


@pytest.mark.database("sqlite")
def test_changes_that_are_refused(client: FlaskClient, token: str) -> None:
    made = registered(client, token)
    path, auth = f"/register/{made['client_id']}", bearer(made["registration_access_token"])
    good = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI]}
    for change in (
        {"client_id": None},
        {"client_id": "client_other"},
        {"client_secret": "wrong"},
        {"client_secret": 7},
        {"registration_access_token": "x"},
        {"client_id_issued_at": 1},
        {"token_endpoint_auth_method": "none"},  # another kind of application
        {"redirect_uris": ["http://evil.example/"]},
    ):
        refused(client.put(path, json=good | change, headers=auth))
    assert client.get(path, headers=auth).json["redirect_uris"] == [REDIRECT_URI]


@pytest.mark.database("sqlite")
def test_from_a_key_to_a_secret(client: FlaskClient, token: str) -> None:
    made = registered(client, token, token_endpoint_auth_method="private_key_jwt", jwks=JWKS)
    path, auth = f"/register/{made['client_id']}", bearer(made["registration_access_token"])
    body = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI]}
    changed = client.put(path, json=body, headers=auth)
    assert changed.status_code == 200, changed.json
    assert changed.json["client_secret"].startswith("cs_")


@pytest.mark.database("sqlite")
def test_nobody_else_s_registration(admin: FlaskClient, client: FlaskClient, token: str) -> None:
    mine, other = registered(client, token), registered(client, token)
    by_operator = admin.post(
        "/applications", json={"name": "x", "type": "spa", "redirectUris": [REDIRECT_URI]}
    )
    path = f"/register/{mine['client_id']}"
    for target, headers in (
        (path, bearer(other["registration_access_token"])),
        (path, bearer(token)),
        (path, bearer(mine["client_secret"])),
        (path, {}),
        (f"/register/{by_operator.json['data']['clientId']}", bearer(mine["registration_access_token"])),
        ("/register/client_unknown", bearer(mine["registration_access_token"])),
        ("/register/a%00b", bearer(mine["registration_access_token"])),
    ):
        for method in ("GET", "PUT", "DELETE"):
            answer = client.open(target, method=method, json={"client_id": "x"}, headers=headers)
            assert answer.status_code in (401, 404), (target, headers)
    assert len(applications()) == 3


@pytest.mark.database("sqlite")
def test_it_is_in_the_audit_log_and_in_discovery(admin: FlaskClient, client: FlaskClient, token: str) -> None:
    made = registered(client, token)
    client.delete(f"/register/{made['client_id']}", headers=bearer(made["registration_access_token"]))
    actions = [entry["action"] for entry in admin.get("/audit-log").json["data"]]
    assert actions == ["initial_access_token.created", "application.registered", "application.deleted"]
    metadata = client.get("/.well-known/openid-configuration").json
    assert metadata["registration_endpoint"] == f"{keyring().issuer}/register"
