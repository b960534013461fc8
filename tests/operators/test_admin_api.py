"""Operators, keys and the community's own settings over the Admin API."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.dashboard.conftest import make_operator

from msidp import clock, db
from msidp.operators.models import OperatorApp


def data(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.json
    return answer.json["data"]


@pytest.fixture
def olga(community_id: str) -> str:
    return make_operator(community_id, "owner", "olga@example.com")


def test_operators_are_looked_after_by_an_owners_key(
    owner_admin: FlaskClient, olga: str, community_id: str
) -> None:
    made = data(owner_admin.post("/operator-invitations", json={"email": "a@example.com", "role": "admin"}))
    assert "/dashboard/setup?token=" in made["link"]
    inbox = owner_admin.get("/dev/inbox").json["data"]
    assert (inbox[0]["to"], made["link"] in inbox[0]["text"]) == ("a@example.com", True)
    assert "None" not in inbox[0]["text"]
    assert [each["id"] for each in data(owner_admin.get("/operator-invitations"))] == [made["id"]]
    silent = {"email": "a@example.com", "role": "viewer", "mail": False}
    again = data(owner_admin.post("/operator-invitations", json=silent))
    assert len(owner_admin.get("/dev/inbox").json["data"]) == 1
    assert data(owner_admin.delete(f"/operator-invitations/{again['id']}")) == {"id": again["id"]}
    assert owner_admin.delete(f"/operator-invitations/{again['id']}").status_code == 404

    assert owner_admin.patch(f"/operators/{olga}", json={"role": "admin"}).json["code"] == "last-owner"
    assert owner_admin.delete(f"/operators/{olga}").json["code"] == "last-owner"
    vera = make_operator(community_id, "viewer", "vera@example.com")
    assert data(owner_admin.patch(f"/operators/{vera}", json={"role": "owner"}))["role"] == "owner"
    assert owner_admin.delete(f"/operators/{vera}/factors").json["code"] == "no-factor"
    with db.transaction() as session:
        now = clock.now()
        session.add(OperatorApp(operator_id=vera, sealed_secret="sealed", created_at=now, confirmed_at=now))
    listed = {each["id"]: each["secondFactor"] for each in data(owner_admin.get("/operators"))}
    assert listed == {olga: False, vera: True}
    assert data(owner_admin.delete(f"/operators/{vera}/factors"))["secondFactor"] is False
    assert data(owner_admin.delete(f"/operators/{vera}")) == {"id": vera}
    assert owner_admin.delete(f"/operators/{vera}").status_code == 404
    policy = {"secondFactorRequired": True}
    assert data(owner_admin.patch("/operator-policy", json=policy)) == policy
    assert data(owner_admin.get("/operator-policy")) == policy
    actions = [each["action"] for each in owner_admin.get("/audit-log").json["data"]]
    assert actions == [
        "operator.invited",
        "operator.invited",
        "operator.invitation_withdrawn",
        "operator.role_changed",
        "operator.factors_reset",
        "operator.removed",
        "community.updated",
    ]


def test_a_key_that_leaks_makes_no_owner_and_no_other_key(
    app: Flask, admin: FlaskClient, owner_admin: FlaskClient, olga: str
) -> None:
    for method, path in (
        ("GET", "/operators"),
        ("PATCH", f"/operators/{olga}"),
        ("DELETE", f"/operators/{olga}"),
        ("DELETE", f"/operators/{olga}/factors"),
        ("GET", "/operator-invitations"),
        ("POST", "/operator-invitations"),
        ("DELETE", "/operator-invitations/inv_1"),
        ("GET", "/operator-policy"),
        ("PATCH", "/operator-policy"),
        ("GET", "/api-keys"),
        ("POST", "/api-keys"),
        ("DELETE", "/api-keys/key_1"),
        ("GET", "/members/export?passwordHashes=true"),
    ):
        answer = admin.open(path, method=method, json={} if method in ("POST", "PATCH") else None)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), path
        # Nobody outside can say that they are the command line.
        forged = {"msidp.command_line": "root", "msidp-command-line": "root", "msidp_command_line": "root"}
        assert app.test_client().open(path, method=method, headers=forged).status_code == 401, path

    made = data(owner_admin.post("/api-keys", json={"name": "Shop"}))
    assert (made["role"], len(data(owner_admin.get("/api-keys")))) == ("admin", 3)
    *_, shown = data(owner_admin.get("/api-keys"))
    assert shown["createdBy"] | {"type": "api_key", "name": "owner's", "gone": False} == shown["createdBy"]
    shop = {"X-API-KEY": made["secretKey"]}
    assert app.test_client().get("/members", headers=shop).status_code == 200
    assert data(owner_admin.delete(f"/api-keys/{made['id']}")) == {"id": made["id"]}
    assert app.test_client().get("/members", headers=shop).status_code == 401


def test_the_community_and_a_test_mail(admin: FlaskClient, olga: str) -> None:
    assert data(admin.get("/community"))["name"] == "My community"
    changed = data(admin.patch("/community", json={"name": "Club", "language": "de"}))
    assert (changed["name"], changed["language"]) == ("Club", "de")
    assert "Club" in admin.get("/login").text
    assert admin.patch("/community", json={"name": None}).status_code == 422
    assert admin.patch("/community", json={"language": "xx"}).status_code == 422
    sent = data(admin.post("/mail-tests", json={"to": "OLGA@example.com"}))
    assert (sent["to"], sent["status"]) == ("olga@example.com", "inbox")
    assert data(admin.get(f"/mail-tests/{sent['id']}")) == sent
    assert admin.post("/mail-tests", json={"to": "somebody@example.com"}).status_code == 404
    assert admin.get("/mail-tests/mail_1").status_code == 404
