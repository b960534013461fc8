"""How a client that registered looks after itself (RFC 7592)."""

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import REDIRECT_URI
from tests.oidc.registration.support import JWKS, applications, bearer, refused, registered


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
