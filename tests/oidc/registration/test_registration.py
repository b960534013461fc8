"""Dynamic client registration: what becomes of metadata (RFC 7591)."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import REDIRECT_URI, Relying, log_in
from tests.oidc.registration.support import JWKS, applications, bearer, new_token, refused, registered, send

from msidp.keys.keyring import keyring
from msidp.members.models import Member


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
        assert "Uri" not in description  # as the Admin API calls its fields
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
def test_it_is_in_the_audit_log_and_in_discovery(admin: FlaskClient, client: FlaskClient, token: str) -> None:
    made = registered(client, token)
    client.delete(f"/register/{made['client_id']}", headers=bearer(made["registration_access_token"]))
    actions = [entry["action"] for entry in admin.get("/audit-log").json["data"]]
    assert actions == ["initial_access_token.created", "application.registered", "application.deleted"]
    metadata = client.get("/.well-known/openid-configuration").json
    assert metadata["registration_endpoint"] == f"{keyring().issuer}/register"
