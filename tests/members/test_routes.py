"""Members over the Admin API: Memberstack's calls, answers and errors."""

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.members.support import create, event_types, plan, refusal

from msidp import db
from msidp.members.models import Member


def test_without_a_secret_key_there_is_nothing(client: FlaskClient, community_id: str) -> None:
    for key in (None, "", "sk_unknown", "pk_live", "sk_" + "x" * 5000, "sk_\xe9"):
        headers = {} if key is None else {"X-API-KEY": key}
        for call in (client.get, client.post):
            assert refusal(call("/members", headers=headers)) == (401, "unauthorized")


def test_creating_takes_every_field(admin: FlaskClient) -> None:
    plan_id = plan(admin)
    body = {
        "email": "Ann@Example.com",
        "password": "correct horse",
        "plans": [{"planId": plan_id}],
        "customFields": {"first-name": "Ann", "10": [None, {"x": 1.5}], "": "empty"},
        "metaData": {"source": "import"},
        "json": [1, {"two": 2}],
        "loginRedirect": "/welcome",
        "verified": True,
        "role": "admin",
        "profile": {"given_name": "Ann", "address": {"locality": "Ulm", "postal_code": "1"}},
        "profileImage": "https://img.example/ann.png",
    }
    answer = admin.post("/members?includeJSON=true", json=body)
    assert answer.json is not None
    member = answer.json["data"]
    assert member["auth"] == {"email": "Ann@example.com", "hasPassword": True, "providers": []}
    assert {name: member[name] for name in ("customFields", "metaData", "json", "loginRedirect")} == {
        name: body[name] for name in ("customFields", "metaData", "json", "loginRedirect")
    }
    assert (member["verified"], member["role"]) == (True, "admin")
    assert member["profile"] == body["profile"] | {"picture": body["profileImage"]}
    assert member["profileImage"] == body["profileImage"]
    assert [connection["planId"] for connection in member["planConnections"]] == [plan_id]
    assert admin.get(f"/members/{member['id']}?includeJSON=true").json == {"data": member}
    assert event_types() == ["member.created", "member.plan.created"]


def test_a_password_is_optional_and_kept_as_a_hash(admin: FlaskClient) -> None:
    assert create(admin)["auth"]["hasPassword"] is False
    create(admin, "bob@example.com", password="correct horse")
    with db.reading() as session:
        stored = session.scalars(select(Member.password_hash).order_by(Member.seq)).all()
    assert stored[0] is None
    assert (stored[1] or "").startswith("$argon2id$")


def test_json_shows_only_where_it_is_asked_for(admin: FlaskClient) -> None:
    member = create(admin, json={"a": 1})
    assert "json" not in member
    path = f"/members/{member['id']}"
    for call, body in ((admin.get, None), (admin.patch, {"verified": True})):
        assert "json" not in call(path, json=body).json["data"]
        assert call(f"{path}?includeJSON=true", json=body).json["data"]["json"] == {"a": 1}
    assert "json" not in admin.get("/members").json["data"][0]
    assert admin.get("/members?includeJSON=true").json["data"][0]["json"] == {"a": 1}


def test_numbers_are_answered_as_they_are_stored(admin: FlaskClient) -> None:
    member = create(admin, customFields={"n": 2**53 + 1, "f": 1.0, "z": -0.0})
    assert member["customFields"] == {"n": 2**53, "f": 1, "z": 0}
    assert admin.get(f"/members/{member['id']}").json["data"] == member


@pytest.mark.parametrize(
    "email", ["ann+x@example.com", "jörg@münchen.de", "a/b@example.com", "%@example.com"]
)
def test_a_member_is_retrieved_by_id_and_by_address(admin: FlaskClient, email: str) -> None:
    member = create(admin, email)
    for name in (member["id"], email):
        assert admin.get(f"/members/{quote(name, safe='')}").json == {"data": member}


@pytest.mark.parametrize("name", ["mem_nobody", "nobody@example.com", "not@an@address", "😀", "x" * 3000])
def test_an_unknown_member_is_null_where_one_is_retrieved(admin: FlaskClient, name: str) -> None:
    answer = admin.get(f"/members/{quote(name, safe='')}")
    assert (answer.status_code, answer.json) == (200, {"data": None})


def test_an_unknown_member_is_404_everywhere_else(admin: FlaskClient) -> None:
    plan_id = plan(admin)
    for method, path, body in (
        ("PATCH", "/members/mem_nobody", {"verified": True}),
        ("DELETE", "/members/mem_nobody", None),
        ("POST", "/members/mem_nobody/add-plan", {"planId": plan_id}),
        ("POST", "/members/mem_nobody/remove-plan", {"planId": plan_id}),
        ("PATCH", "/members/mem_nobody/plans/con_none", {"status": "ACTIVE"}),
    ):
        assert refusal(admin.open(path, method=method, json=body)) == (404, "member-not-found")


def test_an_address_where_an_id_is_needed_is_told_so(admin: FlaskClient) -> None:
    """A member with this address may well be there."""
    create(admin, "bob@example.com")
    for method, path in (("DELETE", ""), ("POST", "/add-plan"), ("GET", "/events")):
        body = {"planId": "pln_x"} if method == "POST" else None
        answer = admin.open(f"/members/bob@example.com{path}", method=method, json=body)
        assert refusal(answer) == (404, "member-not-found")
        assert "Use the member's id" in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"email": "a@b"}, "email", "This is not a usable email address."),
        ({"email": "a" * 350 + "@example.com"}, "email", "This address is too long."),
        ({"email": "a" * 500}, "email", "must have at most 400 characters"),
        ({"email": "a@example.com", "role": ""}, "role", "must not be empty"),
        ({"email": "a@example.com", "password": "short"}, "password", "must have at least 8 characters"),
    ],
)
def test_a_refusal_names_the_field_and_the_reason(
    admin: FlaskClient, body: dict[str, Any], field: str, message: str
) -> None:
    answer = admin.post("/members", json=body)
    assert answer.status_code == 422
    assert answer.json["details"] == [{"field": field, "message": message}]


def test_updating(admin: FlaskClient) -> None:
    member = create(admin, customFields={"a": 1}, profileImage="https://img.example/a.png")
    path = f"/members/{member['id']}"
    body = {"email": "b@example.com", "customFields": {"b": 2}, "profile": {"name": "Bo"}, "role": "admin"}
    answer = admin.patch(path, json=body)
    updated = answer.json["data"]
    assert updated["auth"]["email"] == "b@example.com"
    assert updated["customFields"] == {"a": 1, "b": 2}
    assert updated["profile"] == {"name": "Bo", "picture": "https://img.example/a.png"}
    assert admin.get(path).json["data"] == updated
    assert event_types() == ["member.created", "member.updated", "member.role_changed"]
    assert admin.patch(path, json=body).json["data"] == updated
    assert admin.patch(path, json={}).json["data"] == updated
    assert len(event_types()) == 3
    assert admin.patch(path, json={"profileImage": None}).json["data"]["profileImage"] is None


def test_a_taken_address_is_refused(admin: FlaskClient) -> None:
    create(admin, "jörg@münchen.de")
    member = create(admin)
    taken = {"email": "JO\u0308RG@xn--mnchen-3ya.de"}
    assert refusal(admin.post("/members", json=taken)) == (409, "email-already-in-use")
    assert refusal(admin.patch(f"/members/{member['id']}", json=taken)) == (409, "email-already-in-use")


def test_deleting(admin: FlaskClient) -> None:
    member = create(admin, plans=[{"planId": plan(admin)}])
    answer = admin.delete(f"/members/{member['id']}", json={"deleteStripeCustomer": True})
    assert (answer.status_code, answer.json) == (200, {"data": {"id": member["id"]}})
    assert admin.get(f"/members/{member['id']}").json == {"data": None}
    assert event_types()[-1] == "member.deleted"
    create(admin)


def test_adding_and_removing_a_plan_answers_ok(admin: FlaskClient) -> None:
    member, plan_id = create(admin), plan(admin)
    paid = plan(admin, "Paid", prices=[{"amount": 5, "currency": "usd"}])
    path = f"/members/{member['id']}"
    for action, body, expected in (
        ("add-plan", {"planId": plan_id}, None),
        ("add-plan", {"planId": plan_id}, (409, "already-have-plan")),
        ("add-plan", {"planId": paid}, (422, "plan-not-free")),
        ("add-plan", {"planId": "pln_none"}, (404, "plan-not-found")),
        ("remove-plan", {"planId": plan_id}, None),
        ("remove-plan", {"planId": plan_id}, (404, "plan-not-found")),
    ):
        answer = admin.post(f"{path}/{action}", json=body)
        if expected:
            assert refusal(answer) == expected
        else:
            assert (answer.status_code, answer.data, answer.mimetype) == (200, b"OK", "text/plain")
    assert admin.get(path).json["data"]["planConnections"] == []
    assert event_types() == ["member.created", "member.plan.created", "member.plan.canceled"]


def test_plans_at_creation_must_be_known_and_free(admin: FlaskClient) -> None:
    paid = plan(admin, "Paid", prices=[{"amount": 5, "currency": "usd"}])
    for plan_id, expected in ((paid, (422, "plan-not-free")), ("pln_none", (404, "plan-not-found"))):
        body = {"email": "ann@example.com", "plans": [{"planId": plan_id}]}
        assert refusal(admin.post("/members", json=body)) == expected
    assert admin.get("/members").json["totalCount"] == 0
    assert event_types() == []


def test_changing_a_plan_connection(admin: FlaskClient) -> None:
    member = create(admin, plans=[{"planId": plan(admin)}])
    price = {"amount": 9.5, "currency": "eur", "interval": {"type": "YEAR"}}
    paid = plan(admin, "Paid", prices=[price])
    path = f"/members/{member['id']}/plans/{member['planConnections'][0]['id']}"
    for body, type_ in (
        ({"planId": paid, "nextBillingDate": 1_786_838_400}, "member.plan.updated"),
        ({"nextBillingDate": "2026-08-16T00:00:00Z"}, None),
        ({"nextBillingDate": 1_786_838_400_000}, None),
        ({"nextBillingDate": "2026-09-16T02:00:00+02:00"}, "member.plan.updated"),
        ({"status": "REQUIRES_PAYMENT"}, "member.plan.updated"),
        ({"status": "CANCELED"}, "member.plan.canceled"),
        ({"status": "ACTIVE"}, "member.plan.updated"),
        ({"nextBillingDate": None}, "member.plan.updated"),
        ({}, None),
    ):
        before = len(event_types())
        answer = admin.patch(path, json=body)
        assert answer.status_code == 200, answer.json
        assert event_types()[before:] == ([type_] if type_ else [])
        assert admin.get(f"/members/{member['id']}").json["data"]["planConnections"] == [answer.json["data"]]
    payment = answer.json["data"]["payment"]
    assert (payment["amount"], payment["currency"], payment["nextBillingDate"]) == (9.5, "eur", None)
    assert refusal(admin.patch(f"{path}x", json={})) == (404, "connection-not-found")


def test_a_members_events(admin: FlaskClient) -> None:
    create(admin, "bob@example.com")
    member = create(admin, plans=[{"planId": plan(admin)}])
    path = f"/members/{member['id']}"
    admin.patch(path, json={"verified": True})
    found = admin.get(f"{path}/events").json
    assert [event["type"] for event in found["data"]] == [
        "member.created", "member.plan.created", "member.updated",
    ]  # fmt: skip
    assert {event["memberId"] for event in found["data"]} == {member["id"]}
    newest = admin.get(f"{path}/events?first=1&order=DESC").json
    assert (newest["totalCount"], newest["data"]) == (3, found["data"][-1:])
    assert refusal(admin.get("/members/mem_nobody/events")) == (404, "member-not-found")


def test_changes_are_in_the_audit_log(admin: FlaskClient) -> None:
    plan_id = plan(admin)
    member = create(admin, password="correct horse", customFields={"secret": "x"})
    path = f"/members/{member['id']}"
    admin.patch(path, json={"email": "b@example.com", "verified": True})
    admin.post(f"{path}/add-plan", json={"planId": plan_id})
    connection = admin.get(path).json["data"]["planConnections"][0]["id"]
    admin.patch(f"{path}/plans/{connection}", json={"status": "TRIALING"})
    admin.post(f"{path}/remove-plan", json={"planId": plan_id})
    admin.delete(path)
    admin.post("/members", json={"email": "not an address"})
    entries = admin.get("/audit-log").json["data"]
    assert [(entry["action"], entry["targetId"], entry["details"]) for entry in entries] == [
        ("plan.created", plan_id, {}),
        ("member.created", member["id"], {}),
        ("member.updated", member["id"], {"fields": ["email", "verified"]}),
        ("member.plan_added", member["id"], {"planId": plan_id}),
        ("member.plan_updated", member["id"], {"connectionId": connection, "fields": ["status"]}),
        ("member.plan_removed", member["id"], {"planId": plan_id}),
        ("member.deleted", member["id"], {}),
    ]
    assert {entry["actor"]["type"] for entry in entries} == {"api_key"}
    assert {entry["actor"]["address"] for entry in entries} == {"127.0.0.1"}
    newest = admin.get("/audit-log?first=1&order=DESC").json
    assert (newest["data"], newest["totalCount"]) == ([entries[-1]], 7)
