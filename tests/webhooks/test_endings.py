"""What becomes of open deliveries when their webhook is disabled or deleted."""

import threading

from flask.testing import FlaskClient
from sqlalchemy import select
from tests.webhooks.calls import create, deliveries, publish, refusal, row, set_status

from msidp import db
from msidp.webhooks import outbox
from msidp.webhooks.models import Delivery


def test_disabling_cancels_what_is_open(admin: FlaskClient, community_id: str) -> None:
    made = create(admin)
    other = create(admin)
    for _ in range(4):
        publish(community_id)
    states = ("pending", "failed", "succeeded", "exhausted")
    for delivery, status in zip(deliveries(admin, made["id"]), states, strict=True):
        due = {"due_at": None} if status in ("succeeded", "exhausted") else {"lease_token": "held"}
        set_status(delivery["id"], status, **due)
    answer = admin.patch(f"/webhooks/{made['id']}", json={"enabled": False})
    assert (answer.json["data"]["enabled"], answer.json["data"]["disabledReason"]) == (
        False, "The webhook was disabled by hand.",
    )  # fmt: skip
    found = deliveries(admin, made["id"])
    assert [each["status"] for each in found] == ["canceled", "canceled", "succeeded", "exhausted"]
    assert found[0]["reason"] == "The webhook was disabled by hand."
    with db.reading() as session:
        first = session.scalars(select(Delivery).where(Delivery.id == found[0]["id"])).one()
    assert (first.due_at, first.lease_token) == (None, None)
    assert first.settled_at is not None
    assert {each["status"] for each in deliveries(admin, other["id"])} == {"pending"}
    publish(community_id)
    assert len(deliveries(admin, made["id"])) == 4
    assert refusal(admin.post(f"/webhooks/{made['id']}/test")) == (409, "webhook-disabled")
    answer = admin.patch(f"/webhooks/{made['id']}", json={"enabled": True})
    assert (answer.json["data"]["enabled"], answer.json["data"]["disabledReason"]) == (True, None)
    publish(community_id)
    assert len(deliveries(admin, made["id"])) == 5


def test_disabling_waits_for_who_is_about_to_deliver(admin: FlaskClient, community_id: str) -> None:
    """A change that still saw the webhook enabled ends first: its delivery is canceled with the others."""
    made = create(admin)
    body = {"enabled": False}
    disabling = threading.Thread(target=lambda: admin.patch(f"/webhooks/{made['id']}", json=body))
    with db.transaction() as session:
        outbox.record(session, community_id=community_id, type="post.published", data={"postId": "p"})
        disabling.start()
        disabling.join(0.5)
        assert disabling.is_alive()
    disabling.join(20)
    assert [each["status"] for each in deliveries(admin, made["id"])] == ["canceled"]


def test_deleting_cancels_what_is_open_and_keeps_the_log(admin: FlaskClient, community_id: str) -> None:
    made = create(admin, headers={"Authorization": "Bearer x"})
    publish(community_id)
    delivery_id = deliveries(admin, made["id"])[0]["id"]
    path = f"/webhooks/{made['id']}"
    assert admin.delete(path).json == {"data": {"id": made["id"]}}
    for method, rest in (
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test"),
        ("POST", "/rotate-secret"),
    ):  # fmt: skip
        assert refusal(admin.open(path + rest, method=method)) == (404, "webhook-not-found")
    assert admin.get("/webhooks").json["totalCount"] == 0
    view = admin.get(f"/deliveries/{delivery_id}").json["data"]
    assert (view["status"], view["reason"], view["webhookId"]) == (
        "canceled", "The webhook was deleted.", made["id"],
    )  # fmt: skip
    gone = row(made["id"])
    assert (gone.secret, gone.previous_secret, gone.headers, gone.enabled) == ("", None, {}, False)
    publish(community_id)
    with db.reading() as session:
        assert len(list(session.scalars(select(Delivery)))) == 1
