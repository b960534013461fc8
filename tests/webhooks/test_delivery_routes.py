"""Deliveries over the Admin API: the log, pings, another attempt by hand."""

from typing import get_args

from flask.testing import FlaskClient
from sqlalchemy import select
from tests.webhooks.calls import create, deliveries, publish, refusal, set_status

from msidp import clock, db, queue
from msidp.outbound import failures
from msidp.webhooks.feed import SECRET_UNAVAILABLE
from msidp.webhooks.models import Attempt, Delivery
from msidp.webhooks.schemas import AttemptError


def test_a_ping_is_a_delivery_to_this_webhook_alone(admin: FlaskClient) -> None:
    create(admin)
    made = create(admin, events=["member.left"])
    view = admin.post(f"/webhooks/{made['id']}/test").json["data"]
    assert {**view, "id": "", "eventId": "", "nextAttemptAt": "", "createdAt": ""} == {
        "id": "",
        "eventId": "",
        "webhookId": made["id"],
        "type": "ping",
        "status": "pending",
        "reason": None,
        "attemptCount": 0,
        "nextAttemptAt": "",
        "createdAt": "",
        "replayId": None,
        "test": True,
        "attempts": [],
    }
    assert view["nextAttemptAt"] == view["createdAt"]
    with db.reading() as session:
        assert [each.id for each in session.scalars(select(Delivery))] == [view["id"]]
    assert queue.queue(queue.WEBHOOKS).count == 1


def test_a_delivery_shows_every_attempt(admin: FlaskClient, community_id: str) -> None:
    made = create(admin)
    event_id = publish(community_id)
    delivery_id = deliveries(admin, made["id"])[0]["id"]
    with db.transaction() as session:
        for number, status in enumerate((None, 503), start=1):
            session.add(
                Attempt(
                    delivery_id=delivery_id,
                    number=number,
                    at=number * 1000,
                    status=status,
                    latency_ms=12,
                    dns_ms=None if status is None else 1,
                    first_byte_ms=None if status is None else 11,
                    error="timeout" if status is None else "http_error",
                    request_headers='{"Content-Type":"application/json"}',
                    response_headers=None if status is None else '{"Retry-After":"5"}',
                    response_excerpt=None if status is None else "<b>\ufffd",
                )
            )
    set_status(delivery_id, "failed", attempt_count=2, due_at=99_000)
    view = admin.get(f"/deliveries/{delivery_id}").json["data"]
    body = view["attempts"][0]["request"]["body"]
    assert body.startswith('{"event":"post.published"')
    request = {"headers": {"Content-Type": "application/json"}, "body": body}
    assert view == {
        "id": delivery_id,
        "eventId": event_id,
        "webhookId": made["id"],
        "type": "post.published",
        "status": "failed",
        "reason": None,
        "attemptCount": 2,
        "nextAttemptAt": "1970-01-01T00:01:39.000Z",
        "createdAt": view["createdAt"],
        "replayId": None,
        "test": False,
        "attempts": [
            {
                "number": 1, "at": "1970-01-01T00:00:01.000Z", "status": None, "latencyMs": 12,
                "timings": {"dnsMs": None, "connectMs": None, "tlsMs": None, "firstByteMs": None},
                "error": "timeout", "request": request, "responseHeaders": None, "responseExcerpt": None,
            },
            {
                "number": 2, "at": "1970-01-01T00:00:02.000Z", "status": 503, "latencyMs": 12,
                "timings": {"dnsMs": 1, "connectMs": None, "tlsMs": None, "firstByteMs": 11},
                "error": "http_error", "request": request, "responseHeaders": {"Retry-After": "5"},
                "responseExcerpt": "<b>\ufffd",
            },
        ],
    }  # fmt: skip
    set_status(delivery_id, "failed", lease_token="held")
    assert admin.get(f"/deliveries/{delivery_id}").json["data"]["nextAttemptAt"] is None


def test_the_documented_errors_are_those_of_the_client_and_the_engine() -> None:
    assert set(get_args(AttemptError)) == {*failures.CLASSES, SECRET_UNAVAILABLE}


def test_the_log_is_paged_and_filtered(admin: FlaskClient, community_id: str) -> None:
    made = create(admin)
    for _ in range(5):
        publish(community_id)
    all_ = deliveries(admin, made["id"])
    assert "attempts" not in all_[0]
    set_status(all_[1]["id"], "exhausted", due_at=None)
    assert [each["id"] for each in deliveries(admin, made["id"], "?status=exhausted")] == [all_[1]["id"]]
    assert len(deliveries(admin, made["id"], "?status=pending")) == 4
    page = admin.get(f"/webhooks/{made['id']}/deliveries?first=2&order=DESC").json
    assert (page["totalCount"], page["hasNextPage"]) == (5, True)
    assert [each["id"] for each in page["data"]] == [all_[4]["id"], all_[3]["id"]]
    for query in ("?status=open", "?status=pending&first=0", "?after=x", "?first=-1"):
        assert refusal(admin.get(f"/webhooks/{made['id']}/deliveries{query}")) == (422, "invalid")


def test_what_failed_can_be_retried_by_hand(admin: FlaskClient, community_id: str) -> None:
    made = create(admin)
    publish(community_id)
    id_ = deliveries(admin, made["id"])[0]["id"]
    for status, due_at in (("failed", clock.now() + clock.HOUR), ("exhausted", None)):
        set_status(id_, status, due_at=due_at, attempt_count=3, reason="It failed.")
        answer = admin.post(f"/deliveries/{id_}/retry")
        assert answer.status_code == 200, answer.json
        view = answer.json["data"]
        assert (view["id"], view["status"], view["attemptCount"], view["reason"]) == (id_, "pending", 3, None)
        assert view["nextAttemptAt"] <= clock.iso(clock.now())
        assert queue.queue(queue.WEBHOOKS).count == 1
    actions = [entry["action"] for entry in admin.get("/audit-log").json["data"]]
    assert actions[-2:] == ["delivery.retried"] * 2


def test_nothing_else_can_be_retried(admin: FlaskClient, community_id: str) -> None:
    made = create(admin)
    publish(community_id)
    id_ = deliveries(admin, made["id"])[0]["id"]
    for status in ("pending", "succeeded", "canceled"):
        set_status(id_, status)
        assert refusal(admin.post(f"/deliveries/{id_}/retry")) == (409, "not-retriable")
    set_status(id_, "failed", lease_token="held", due_at=clock.now() + clock.MINUTE)
    assert refusal(admin.post(f"/deliveries/{id_}/retry")) == (409, "not-retriable")
    set_status(id_, "exhausted", lease_token=None, due_at=None)
    admin.patch(f"/webhooks/{made['id']}", json={"enabled": False})
    assert refusal(admin.post(f"/deliveries/{id_}/retry")) == (409, "webhook-disabled")
    admin.delete(f"/webhooks/{made['id']}")
    refused = admin.post(f"/deliveries/{id_}/retry")
    assert refusal(refused) == (409, "webhook-disabled")
    assert "was removed" in refused.json["message"]  # and cannot be enabled
    assert refusal(admin.post("/deliveries/no/retry")) == (404, "delivery-not-found")
