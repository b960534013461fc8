"""Applications over the Admin API."""

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import select

from msidp import clock, db, ids
from msidp.oidc.models import Application

pytestmark = pytest.mark.database("sqlite")

WEB = {"name": "Shop", "type": "web", "redirectUris": ["https://shop.example/cb"]}
MACHINE = {"name": "Reports", "type": "machine", "scopes": ["reports:read"]}


def create(admin: FlaskClient, body: dict) -> dict:
    answer = admin.post("/applications", json=body)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def refused(admin: FlaskClient, body: dict, field: str) -> None:
    answer = admin.post("/applications", json=body)
    assert answer.status_code == 422, (body, answer.json)
    assert answer.json["code"] == "invalid"
    assert [detail["field"].split(".")[0] for detail in answer.json["details"]] == [field], answer.json


def test_a_web_application_is_shown_with_its_secret_once(admin: FlaskClient) -> None:
    made = create(admin, WEB)
    secret = made.pop("clientSecret")
    assert made["tokenEndpointAuthMethod"] == "client_secret_basic"
    assert made["grantTypes"] == ["authorization_code", "refresh_token"]
    assert made["requirePkce"] is False
    assert made["skipConsent"] is False
    assert made["scopes"] == ["openid", "profile", "email", "address", "phone", "offline_access"]
    assert admin.get(f"/applications/{made['id']}").json["data"] == made
    with db.reading() as session:
        row = session.scalars(select(Application)).one()
    assert row.secret_hash == ids.hash_token(secret)


@pytest.mark.parametrize("type_", ["spa", "native"])
def test_public_applications_have_no_secret_and_need_pkce(admin: FlaskClient, type_: str) -> None:
    made = create(admin, {**WEB, "type": type_})
    assert made["clientSecret"] is None
    assert made["requirePkce"] is True
    assert made["tokenEndpointAuthMethod"] == "none"
    answer = admin.post(f"/applications/{made['id']}/rotate-secret")
    assert (answer.status_code, answer.json["code"]) == (409, "no-client-secret")
    assert admin.patch(f"/applications/{made['id']}", json={"requirePkce": False}).status_code == 422


def test_a_machine_has_no_members(admin: FlaskClient) -> None:
    made = create(admin, MACHINE)
    assert made["grantTypes"] == ["client_credentials"]
    assert made["redirectUris"] == []
    assert made["clientSecret"].startswith("cs_")


def test_a_native_application_may_use_its_own_scheme(admin: FlaskClient) -> None:
    create(
        admin,
        {"name": "App", "type": "native", "redirectUris": ["com.example.app:/cb", "http://127.0.0.1/cb"]},
    )


def test_what_does_not_fit_is_refused_and_named(admin: FlaskClient) -> None:
    refused(admin, {**WEB, "type": "mobile"}, "type")
    refused(admin, {**WEB, "name": ""}, "name")
    refused(admin, {**WEB, "redirectUris": []}, "redirectUris")
    refused(admin, {**WEB, "redirectUris": "https://shop.example/cb"}, "redirectUris")
    refused(admin, {**WEB, "redirectUris": [7]}, "redirectUris")
    refused(admin, {**WEB, "redirectUris": ["https://a.example/cb"] * 2}, "redirectUris")
    refused(admin, {**WEB, "redirectUris": ["http://shop.example/cb"]}, "redirectUris")
    refused(admin, {**WEB, "redirectUris": ["com.example.app:/cb"]}, "redirectUris")
    refused(admin, {**WEB, "postLogoutRedirectUris": ["https://shop.example/#bye"]}, "postLogoutRedirectUris")
    refused(admin, {**WEB, "tokenEndpointAuthMethod": "none"}, "tokenEndpointAuthMethod")
    refused(admin, {**WEB, "tokenEndpointAuthMethod": "private_key_jwt"}, "jwks")
    refused(admin, {**WEB, "tokenEndpointAuthMethod": "tls_client_auth"}, "tokenEndpointAuthMethod")
    refused(
        admin,
        {**WEB, "type": "spa", "tokenEndpointAuthMethod": "client_secret_post"},
        "tokenEndpointAuthMethod",
    )
    refused(admin, {**WEB, "grantTypes": ["password"]}, "grantTypes")
    refused(admin, {**WEB, "grantTypes": ["client_credentials"]}, "grantTypes")
    refused(admin, {**WEB, "grantTypes": ["refresh_token"]}, "grantTypes")
    refused(admin, {**WEB, "scopes": ["profile"]}, "scopes")
    refused(admin, {**WEB, "scopes": ["openid", "reports:read"]}, "scopes")
    refused(admin, {**MACHINE, "scopes": ["openid"]}, "scopes")
    refused(admin, {**MACHINE, "scopes": ["a b"]}, "scopes")
    refused(admin, {**MACHINE, "scopes": [""]}, "scopes")
    refused(admin, {**MACHINE, "redirectUris": WEB["redirectUris"]}, "redirectUris")
    refused(admin, {**MACHINE, "grantTypes": ["authorization_code"]}, "grantTypes")
    refused(admin, {**WEB, "jwks": {}}, "jwks")
    refused(admin, {**WEB, "jwks": {"keys": [7]}}, "jwks")
    refused(admin, {**WEB, "jwks": {"keys": [{"kty": "RSA"}]}}, "jwks")
    refused(admin, {**WEB, "jwks": {"keys": [OctKey.generate_key(256).as_dict()]}}, "jwks")
    refused(admin, {**WEB, "jwks": {"keys": [ECKey.generate_key().as_dict(private=True)]}}, "jwks")
    refused(admin, {**WEB, "clientId": "mine"}, "clientId")
    refused(admin, {**WEB, "idTokenSignedResponseAlg": "none"}, "idTokenSignedResponseAlg")
    refused(admin, {**WEB, "accessTokenSigningAlg": "HS256"}, "accessTokenSigningAlg")
    refused(admin, {**WEB, "accessTokenLifetime": 59}, "accessTokenLifetime")
    refused(admin, {**WEB, "idTokenLifetime": 86_401}, "idTokenLifetime")
    refused(admin, {**WEB, "refreshTokenLifetime": 0}, "refreshTokenLifetime")
    refused(admin, {**WEB, "refreshTokenLifetime": "3600"}, "refreshTokenLifetime")
    refused(admin, {**WEB, "refreshTokenGrace": 301}, "refreshTokenGrace")
    refused(admin, {**WEB, "resources": ["/api"]}, "resources")
    refused(admin, {**WEB, "resources": ["https://api.example/#here"]}, "resources")
    refused(admin, {**WEB, "resources": ["https://api.example"] * 2}, "resources")
    for shown in ("clientUri", "logoUri", "policyUri", "tosUri"):
        for uri in (
            "javascript:alert(1)",
            "http://shop.example/",
            "https://u:p@shop.example/",
            "data:,x",
            "/x",
        ):
            refused(admin, {**WEB, shown: uri}, shown)
    refused(admin, {**WEB, "subjectType": "secret"}, "subjectType")
    refused(admin, {**MACHINE, "subjectType": "pairwise"}, "subjectType")
    two_hosts = {"redirectUris": ["https://a.example/cb", "https://b.example/cb"]}
    refused(admin, {**WEB, **two_hosts, "subjectType": "pairwise"}, "sectorIdentifierUri")
    assert admin.get("/applications").json["totalCount"] == 0


@pytest.mark.database("sqlite", "postgresql")
def test_addresses_that_are_called_pass_the_guard(admin: FlaskClient) -> None:
    called = {"backchannelLogoutUri": "https://shop.example/bye", "jwksUri": "https://shop.example/jwks"}
    made = create(admin, WEB | called)
    assert {name: made[name] for name in called} == called
    for name in called:
        for url in (
            "https://10.0.0.1/x",
            "https://169.254.169.254/x",
            "https://u:p@a.example/",
            "ftp://a.example/",
        ):
            refused(admin, {**WEB, name: url}, name)
        assert admin.patch(f"/applications/{made['id']}", json={name: "https://[::1/"}).status_code == 422
        assert admin.patch(f"/applications/{made['id']}", json={name: None}).json["data"][name] is None
    refused(
        admin, {**WEB, **called, "jwks": {"keys": [ECKey.generate_key().as_dict(private=False)]}}, "jwksUri"
    )
    refused(
        admin, {**MACHINE, "backchannelLogoutUri": called["backchannelLogoutUri"]}, "backchannelLogoutUri"
    )


@pytest.mark.database("sqlite", "postgresql")
def test_the_settings_of_tokens_have_defaults_and_can_be_changed(admin: FlaskClient) -> None:
    made = create(admin, WEB)
    settings = {
        "accessTokenLifetime": 600,
        "idTokenLifetime": 300,
        "refreshTokenLifetime": 86_400,
        "refreshTokenGrace": 10,
        "requirePushedAuthorizationRequests": True,
        "dpopBoundAccessTokens": True,
        "subjectType": "pairwise",
        "resources": ["https://api.example/v1", "urn:example:reports"],
        "backchannelLogoutSessionRequired": True,
        "clientUri": "https://shop.example/#top",
        "logoUri": "https://shop.example/logo.png",
        "policyUri": "https://shop.example/privacy",
        "tosUri": "http://localhost:3000/terms",
    }
    defaults = {name: made[name] for name in settings}
    assert defaults == {
        "accessTokenLifetime": 3600,
        "idTokenLifetime": 3600,
        "refreshTokenLifetime": 30 * 86_400,
        "refreshTokenGrace": 0,
        "requirePushedAuthorizationRequests": False,
        "dpopBoundAccessTokens": False,
        "subjectType": "public",
        "resources": [],
        "backchannelLogoutSessionRequired": False,
        "clientUri": None,
        "logoUri": None,
        "policyUri": None,
        "tosUri": None,
    }
    path = f"/applications/{made['id']}"
    assert admin.patch(path, json=settings).status_code == 200
    changed = admin.get(path).json["data"]
    assert {name: changed[name] for name in settings} == settings
    assert changed["idTokenSignedResponseAlg"] == changed["accessTokenSigningAlg"] == "RS256"


def test_the_fapi_profile_has_defaults_of_its_own_and_no_weaker_ones(admin: FlaskClient) -> None:
    keys = {"jwks": {"keys": [ECKey.generate_key().as_dict(private=False)]}}
    fapi = {**WEB, **keys, "securityProfile": "fapi2"}
    made = create(admin, fapi)
    assert made["clientSecret"] is None
    assert made["tokenEndpointAuthMethod"] == "private_key_jwt"
    assert made["idTokenSignedResponseAlg"] == made["accessTokenSigningAlg"] == "ES256"
    refused(admin, {**fapi, "tokenEndpointAuthMethod": "client_secret_basic"}, "tokenEndpointAuthMethod")
    refused(admin, {**fapi, "type": "spa"}, "tokenEndpointAuthMethod")
    refused(admin, {**fapi, "idTokenSignedResponseAlg": "RS256"}, "idTokenSignedResponseAlg")
    refused(admin, {**fapi, "accessTokenSigningAlg": "RS256"}, "accessTokenSigningAlg")
    assert (
        admin.patch(
            f"/applications/{create(admin, WEB)['id']}", json={"securityProfile": "fapi2"}
        ).status_code
        == 422
    )


def test_public_keys_are_kept(admin: FlaskClient) -> None:
    jwks = {"keys": [ECKey.generate_key().as_dict(private=False)]}
    assert create(admin, {**WEB, "jwks": jwks})["jwks"] == jwks


@pytest.mark.database("sqlite", "postgresql")
def test_changes_replace_what_is_sent_and_leave_the_rest(admin: FlaskClient) -> None:
    made = create(admin, WEB)
    path = f"/applications/{made['id']}"
    answer = admin.patch(path, json={"name": "Store", "skipConsent": True, "requirePkce": True})
    assert answer.status_code == 200
    changed = answer.json["data"]
    assert (changed["name"], changed["skipConsent"], changed["requirePkce"]) == ("Store", True, True)
    assert changed["redirectUris"] == WEB["redirectUris"]
    assert admin.get(path).json["data"] == changed
    for wrong in (
        {"type": "spa"},
        {"redirectUris": []},
        {"name": None},
        {"scopes": None},
        {"grantTypes": []},
    ):
        assert admin.patch(path, json=wrong).status_code == 422, wrong
    assert admin.get(path).json["data"] == changed
    assert admin.patch(path, json={}).status_code == 200


@pytest.mark.database("sqlite", "postgresql")
def test_a_rotated_secret_replaces_the_old_one(admin: FlaskClient) -> None:
    made = create(admin, WEB)
    path = f"/applications/{made['id']}/rotate-secret"
    rotated = admin.post(path, json={"overlap": 0}).json["data"]
    assert rotated["clientSecret"] != made["clientSecret"]
    assert rotated["previousSecretExpiresAt"] is None
    with db.reading() as session:
        row = session.scalars(select(Application)).one()
    assert row.secret_hash == ids.hash_token(rotated["clientSecret"])
    assert row.previous_secret_hash is None
    ends = clock.parse_iso(admin.post(path).json["data"]["previousSecretExpiresAt"])
    assert abs(ends - clock.now() - clock.DAY) < clock.MINUTE
    assert admin.post(path, json={"overlap": -1}).status_code == 422
    assert admin.post(path, json={"overlap": 31 * 86_400}).status_code == 422


@pytest.mark.database("sqlite", "postgresql")
def test_an_application_that_signs_has_no_secret(admin: FlaskClient) -> None:
    made = create(admin, WEB)
    path = f"/applications/{made['id']}"
    keys = {"jwks": {"keys": [ECKey.generate_key().as_dict(private=False)]}}
    assert admin.patch(path, json={"tokenEndpointAuthMethod": "private_key_jwt", **keys}).status_code == 200
    with db.reading() as session:
        row = session.scalars(select(Application)).one()
    assert row.secret_hash is None
    assert admin.post(f"{path}/rotate-secret").json["code"] == "no-client-secret"
    assert admin.patch(path, json={"tokenEndpointAuthMethod": "client_secret_basic"}).status_code == 200
    assert admin.post(f"{path}/rotate-secret").json["data"]["clientSecret"].startswith("cs_")


@pytest.mark.database("sqlite", "postgresql")
def test_lists_are_pages(admin: FlaskClient) -> None:
    names = [create(admin, {**WEB, "name": name})["name"] for name in "abc"]
    page = admin.get("/applications?first=2").json
    assert (page["totalCount"], page["hasNextPage"], [one["name"] for one in page["data"]]) == (
        3,
        True,
        names[:2],
    )
    assert "clientSecret" not in page["data"][0]
    rest = admin.get(f"/applications?after={page['endCursor']}").json
    assert [one["name"] for one in rest["data"]] == names[2:]


def test_unknown_ones_are_404(admin: FlaskClient) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate-secret")):
        answer = admin.open(f"/applications/apl_nothing{path}", method=method)
        assert (answer.status_code, answer.json["code"]) == (404, "application-not-found")
    assert admin.get("/applications/%00").status_code == 404


def test_a_key_is_needed(client: FlaskClient) -> None:
    for method, path in (("POST", ""), ("GET", ""), ("GET", "/x"), ("PATCH", "/x"), ("DELETE", "/x")):
        assert client.open(f"/applications{path}", method=method).status_code == 401


def test_each_change_is_in_the_audit_log(admin: FlaskClient) -> None:
    id_ = create(admin, WEB)["id"]
    admin.patch(f"/applications/{id_}", json={"name": "Store"})
    admin.post(f"/applications/{id_}/rotate-secret")
    admin.delete(f"/applications/{id_}")
    entries = admin.get("/audit-log").json["data"]
    assert [entry["action"].removeprefix("application.") for entry in entries] == [
        "created", "updated", "secret_rotated", "deleted",
    ]  # fmt: skip
    assert {entry["targetId"] for entry in entries} == {id_}
    assert "cs_" not in str(entries)
