"""Requests that meet: nothing is lost, nothing is done twice, and none ends in a 500."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from tests.support.threads import at_once


def call(app: Flask, admin: FlaskClient, method: str, path: str, body: Any) -> int:
    """The status of one request, by a client of its own."""
    headers = {"X-API-KEY": admin.environ_base["HTTP_X_API_KEY"]}
    return app.test_client().open(path, method=method, json=body, headers=headers).status_code


def test_changes_to_different_fields_all_stay(app: Flask, admin: FlaskClient) -> None:
    member = admin.post("/members", json={"email": "ann@example.com"}).json["data"]
    path = f"/members/{member['id']}"
    statuses = at_once(8, lambda n: call(app, admin, "PATCH", path, {"customFields": {f"field{n}": n}}))
    assert statuses == [200] * 8
    assert admin.get(path).json["data"]["customFields"] == {f"field{n}": n for n in range(8)}


def test_a_plan_is_joined_once(app: Flask, admin: FlaskClient) -> None:
    member = admin.post("/members", json={"email": "ann@example.com"}).json["data"]
    plan = admin.post("/plans", json={"name": "Gold"}).json["data"]
    path = f"/members/{member['id']}"
    statuses = at_once(6, lambda _: call(app, admin, "POST", f"{path}/add-plan", {"planId": plan["id"]}))
    assert sorted(statuses) == [200] + [409] * 5
    assert len(admin.get(path).json["data"]["planConnections"]) == 1


def test_an_address_is_given_to_one(app: Flask, admin: FlaskClient) -> None:
    paths = [
        f"/members/{admin.post('/members', json={'email': f'm{n}@example.com'}).json['data']['id']}"
        for n in range(5)
    ]
    wanted = {"email": "wanted@example.com"}
    statuses = at_once(5, lambda n: call(app, admin, "PATCH", paths[n], wanted))
    assert sorted(statuses) == [200] + [409] * 4


def test_a_plan_goes_while_members_join_it(app: Flask, admin: FlaskClient) -> None:
    plan = admin.post("/plans", json={"name": "Gold"}).json["data"]

    def act(number: int) -> int:
        if number == 0:
            return call(app, admin, "DELETE", f"/plans/{plan['id']}", None)
        body = {"email": f"m{number}@example.com", "plans": [{"planId": plan["id"]}]}
        return call(app, admin, "POST", "/members", body)

    assert set(at_once(6, act)) <= {200, 404, 409}
    joined = sum(len(member["planConnections"]) for member in admin.get("/members").json["data"])
    assert (admin.get(f"/plans/{plan['id']}").status_code == 200) == (joined > 0)


def test_a_member_goes_while_it_changes(app: Flask, admin: FlaskClient) -> None:
    member = admin.post("/members", json={"email": "ann@example.com"}).json["data"]
    path = f"/members/{member['id']}"

    def act(number: int) -> int:
        if number == 0:
            return call(app, admin, "DELETE", path, None)
        return call(app, admin, "PATCH", path, {"metaData": {"n": number}})

    assert set(at_once(6, act)) <= {200, 404}
    assert admin.get(path).json == {"data": None}
