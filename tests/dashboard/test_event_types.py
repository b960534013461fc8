"""The event catalogue: examples sent as test events, types of the community's own; the webhook key."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.dashboard.conftest import submit
from tests.support.draining import drain
from tests.support.receiver import Receiver

from msidp.admin import verify_webhook
from msidp.communities.roles import Role
from msidp.webhooks import catalogue

pytestmark = pytest.mark.database("sqlite")
ROOT = "/dashboard/event-types"


@pytest.fixture
def owner(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in("owner")


def webhook(admin: FlaskClient, url: str, dialect: str, **fields: object) -> dict[str, str]:
    body = {"name": dialect, "url": url, "dialect": dialect, "events": [], **fields}
    answer = admin.post("/webhooks", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json["data"])


def test_an_example_is_a_test_event_in_the_dialect_of_one_webhook(
    app: Flask, owner: FlaskClient, admin: FlaskClient, receiver: Receiver
) -> None:
    made = {
        "member.plan.created": webhook(
            admin, receiver.url("/ms"), "memberstack", planEvent="member.plan.added"
        ),
        "subscription.renewed": webhook(admin, receiver.url("/mp"), "memberpad", events=["member.left"]),
        "payment.succeeded": webhook(admin, receiver.url("/st"), "standard"),
    }
    told = {"member.plan.created": "member.plan.added"}
    for type_, endpoint in made.items():
        answer = submit(owner, ROOT, f"{ROOT}/{type_}/send-example", webhook=endpoint["id"])
        assert answer.status_code == 303, answer.text
        page = owner.get(answer.headers["Location"])
        assert "test event" in page.text
        drain()
        request = receiver.requests[-1]
        event = verify_webhook(request.body, request.headers, endpoint["secret"])
        body = json.loads(request.body)
        assert (event.type, body["test"]) == (told.get(type_, type_), True)
        assert body.get("communityId", "") != "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    assert len(receiver.requests) == 3  # one webhook each
    [delivery] = admin.get(f"/webhooks/{made['payment.succeeded']['id']}/deliveries").json["data"]
    assert delivery["test"] is True
    assert admin.get("/audit-log?order=DESC").json["data"][0]["details"] == {"event": "payment.succeeded"}
    replayed = admin.post(
        f"/webhooks/{made['payment.succeeded']['id']}/replay", json={"since": "2020-01-01T00:00:00Z"}
    )
    assert replayed.status_code == 200
    drain()
    assert len(receiver.requests) == 3  # nothing has happened that could happen again
    assert {event["type"] for event in admin.get("/events").json["data"]} == {catalogue.PING}


def test_every_name_of_every_dialect_has_an_example_to_send(admin: FlaskClient) -> None:
    for dialect in catalogue.DIALECTS:
        endpoint = webhook(admin, "https://hooks.example.com/a", dialect)
        for name in sorted(catalogue.names_in(dialect)):
            answer = admin.post(f"/webhooks/{endpoint['id']}/examples", json={"event": name})
            assert (answer.status_code, answer.json["data"]["type"]) in ((200, name), (429, None)), (
                answer.text
            )


def test_what_has_no_example_is_refused(owner: FlaskClient, admin: FlaskClient) -> None:
    endpoint = webhook(admin, "https://hooks.example.com/a", "standard")
    path = f"/webhooks/{endpoint['id']}/examples"
    admin.post("/event-types", json={"name": "order.placed"})
    for event, code in (
        ("order.placed", "no-example"),
        ("order.lost", "unknown-event-type"),
        ("x", "invalid"),
    ):
        answer = admin.post(path, json={"event": event})
        assert (answer.status_code, answer.json["code"]) == (422, code)
    admin.patch("/event-types/order.placed", json={"example": {"memberId": "mem_1"}})
    assert admin.post(path, json={"event": "order.placed"}).status_code == 200
    missing = submit(owner, ROOT, f"{ROOT}/order.placed/send-example", webhook="whk_none")
    assert missing.status_code == 404
    wrong = submit(owner, ROOT, f"{ROOT}/member.joined/send-example", webhook=endpoint["id"])
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (422, True)
    admin.patch(f"/webhooks/{endpoint['id']}", json={"enabled": False})
    assert admin.post(path, json={"event": "order.placed"}).json["code"] == "webhook-disabled"


def test_a_type_is_made_changed_and_deleted(owner: FlaskClient, admin: FlaskClient) -> None:
    new = f"{ROOT}/new"
    good = {
        "name": "order.placed",
        "description": "An order came in",
        "schema": '{"type": "object", "required": ["orderId"]}',
        "example": '{"orderId": "order_1"}',
    }
    for field, text in (
        ("name", "Order"),
        ("name", "member.promoted"),
        ("schema", "{"),
        ("schema", '{"type": 7}'),
        ("schema", "[]"),
        ("example", '{"orderId"}'),
        ("example", "{}"),
    ):
        answer = submit(owner, new, ROOT, **{**good, field: text})
        assert answer.status_code == 422, (field, text)
        assert 'role="alert"' in answer.text
        if text != "member.promoted":
            assert f'id="{field}-error"' in answer.text, (field, text)
        assert "An order came in" in answer.text  # what was typed stays
    path = f"{ROOT}/order.placed"
    assert submit(owner, new, ROOT, **good).headers["Location"] == path
    assert submit(owner, new, ROOT, **good).status_code == 409
    assert submit(owner, path, path, **{**good, "schema": "{", "name": ""}).status_code == 422
    changed = {"description": "One more", "schema": "", "example": ""}
    assert submit(owner, path, path, **changed).status_code == 303
    seen = admin.get("/event-types/order.placed").json["data"]
    assert (seen["description"], seen["schema"], seen["examples"]) == ("One more", {}, {})
    endpoint = webhook(admin, "https://hooks.example.com/a", "standard", events=["order.placed"])
    assert submit(owner, path, f"{path}/delete", confirm="order").status_code == 422
    in_use = submit(owner, path, f"{path}/delete", confirm="order.placed")
    assert (in_use.status_code, endpoint["id"] in in_use.text) == (409, True)
    admin.delete(f"/webhooks/{endpoint['id']}")
    assert submit(owner, path, f"{path}/delete", confirm="order.placed").status_code == 303
    assert owner.get(path).status_code == 404
    acts = [entry["action"] for entry in admin.get("/audit-log?order=DESC").json["data"]]
    assert [act for act in acts if act.startswith("event_type.")] == [
        "event_type.deleted",
        "event_type.updated",
        "event_type.created",
    ]


def test_the_webhook_key_is_rotated(owner: FlaskClient, admin: FlaskClient) -> None:
    keys = "/dashboard/keys"
    assert "No key yet" in owner.get(keys).text
    webhook(admin, "https://hooks.example.com/a", "standard", v1a=True)
    [before] = owner.get("/.well-known/webhook-keys").json["keys"]
    assert before["key"] in owner.get(keys).text.replace("&#43;", "+")
    assert submit(owner, keys, "/dashboard/webhook-keys/rotate").status_code == 303
    page = owner.get(keys).text
    present = owner.get("/.well-known/webhook-keys").json["keys"]
    assert [key["key"] for key in present[1:]] == [before["key"]]
    assert all(key["key"] in page.replace("&#43;", "+") for key in present)
    assert "signs until" in page
