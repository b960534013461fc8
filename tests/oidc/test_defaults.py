"""The lifetimes that new applications get: the community's, and never those of applications that exist."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from msidp import db
from msidp.audit.models import AuditEntry

PATH = "/token-lifetimes"
OURS = {"accessTokenLifetime": 3600, "idTokenLifetime": 3600, "refreshTokenLifetime": 30 * 86_400}
SHORT = {"accessTokenLifetime": 60, "idTokenLifetime": 120, "refreshTokenLifetime": 366 * 86_400}
WEB: dict[str, Any] = {"name": "Shop", "type": "web", "redirectUris": ["https://shop.example/back"]}


def lifetimes(application: dict[str, Any]) -> dict[str, int]:
    return {name: application[name] for name in OURS}


def made(admin: FlaskClient, **fields: Any) -> dict[str, Any]:
    answer = admin.post("/applications", json={**WEB, **fields})
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def test_new_applications_get_the_community_s_lifetimes(admin: FlaskClient, client: FlaskClient) -> None:
    assert admin.get(PATH).json["data"] == OURS
    before = made(admin)
    answer = admin.patch(PATH, json=SHORT)
    assert (answer.status_code, answer.json["data"]) == (200, SHORT)
    assert lifetimes(made(admin)) == SHORT
    assert lifetimes(made(admin, type="machine", redirectUris=[], scopes=["r"])) == SHORT
    assert lifetimes(made(admin, idTokenLifetime=300)) == {**SHORT, "idTokenLifetime": 300}
    assert lifetimes(admin.get(f"/applications/{before['id']}").json["data"]) == OURS
    admin.patch(f"/applications/{before['id']}", json={"name": "Other"})
    assert lifetimes(admin.get(f"/applications/{before['id']}").json["data"]) == OURS

    token = admin.post("/initial-access-tokens", json={"name": "Partners"}).json["data"]["token"]
    asked = {"redirect_uris": WEB["redirectUris"], "client_name": "Registered"}
    registered = client.post("/register", json=asked, headers={"Authorization": f"Bearer {token}"})
    assert registered.status_code == 201, registered.json
    [shown] = [one for one in admin.get("/applications").json["data"] if one["name"] == "Registered"]
    assert lifetimes(shown) == SHORT

    answer = admin.patch(PATH, json={"accessTokenLifetime": None})
    assert answer.json["data"] == {**SHORT, "accessTokenLifetime": 3600}
    assert admin.patch(PATH, json={}).json["data"] == answer.json["data"]
    with db.reading() as session:
        entries = session.query(AuditEntry).filter_by(action="community.updated").order_by(AuditEntry.seq)
        fields = [entry.details["fields"] for entry in entries]
    everything = ["access_token_lifetime", "id_token_lifetime", "refresh_token_lifetime"]
    assert fields == [everything, ["access_token_lifetime"], []]


@pytest.mark.database("sqlite")
def test_lifetimes_that_are_refused(admin: FlaskClient, client: FlaskClient) -> None:
    for name, longest in (
        ("accessTokenLifetime", 86_400), ("idTokenLifetime", 86_400), ("refreshTokenLifetime", 366 * 86_400),
    ):  # fmt: skip
        for value in (59, 0, -1, longest + 1, 2**70, "3600", 3600.5, True, []):
            assert admin.patch(PATH, json={name: value}).status_code == 422, (name, value)
        assert admin.patch(PATH, json={name: longest}).status_code == 200
    assert admin.patch(PATH, json={"codeLifetime": 60}).status_code == 422
    assert client.get(PATH).status_code == 401
    assert client.patch(PATH, json=OURS).status_code == 401
