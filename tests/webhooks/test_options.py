"""What an endpoint can ask for beyond its dialect: v1a, another name of the plan event. And its limits."""

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.support.draining import drain
from tests.support.receiver import Answer, Received, Receiver
from tests.webhooks.support import deliveries, endpoint, happen, make_due

from msidp import clock, db
from msidp.mail.models import Mail
from msidp.webhooks import ailing, throttle
from msidp.webhooks.models import WebhookEndpoint, WebhookKey


def register(admin: FlaskClient, url: str, dialect: str = "standard", **fields: Any) -> dict[str, Any]:
    body = {"name": "Shop", "url": url, "dialect": dialect, **fields}
    answer = admin.post("/webhooks", json=body)
    assert answer.status_code == 200, answer.json
    made: dict[str, Any] = answer.json["data"]
    return made


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def public_keys(admin: FlaskClient) -> list[dict[str, Any]]:
    answer = admin.get("/.well-known/webhook-keys", headers={"X-API-KEY": ""})
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    found: list[dict[str, Any]] = answer.json["keys"]
    return found


def verified_by(request: Received, key: str) -> int:
    """How many of the v1a signatures hold under this public key."""
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    good = 0
    for each in headers["webhook-signature"].split(" "):
        version, _, signature = each.partition(",")
        if version == "v1a":
            try:
                public.verify(base64.b64decode(signature), signed)
                good += 1
            except InvalidSignature:
                pass
    return good


def versions(request: Received) -> list[str]:
    return [each.partition(",")[0] for each in request.headers["webhook-signature"].split(" ")]


def test_v1a_signs_beside_v1_and_its_key_rotates_with_overlap(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    assert public_keys(admin) == []
    for dialect in ("standard", "memberpad", "memberstack"):
        made = register(admin, receiver.url(f"/{dialect}"), dialect, v1a=True)
        assert made["v1a"] is True
        assert admin.post(f"/webhooks/{made['id']}/test", json={}).status_code == 200
    register(admin, receiver.url("/plain"))
    happen(community_id)
    drain()
    (old,) = public_keys(admin)
    assert (old["algorithm"], old["expiresAt"]) == ("ed25519", None)
    for dialect in ("standard", "memberpad", "memberstack"):
        request = receiver.wait_for(1, f"/{dialect}")[0]
        assert versions(request) == ["v1", "v1a"]
        assert verified_by(request, old["key"]) == 1
        if dialect == "memberstack":
            assert request.headers["svix-signature"].startswith("v1,")
    assert versions(receiver.wait_for(1, "/plain")[0]) == ["v1"]

    rotated = admin.post("/webhook-keys/rotate", json={}).json["data"]
    new, before = public_keys(admin)
    assert (new, before["id"]) == (rotated, old["id"])
    assert before["expiresAt"] is not None
    admin.post("/webhook-keys/rotate", json={})
    assert [each["id"] for each in public_keys(admin)][1:] == [new["id"]]
    happen(community_id)
    drain()
    request = receiver.wait_for(3, "/standard")[-1]
    assert versions(request) == ["v1", "v1a", "v1a"]
    assert [verified_by(request, each["key"]) for each in public_keys(admin)] == [1, 1]
    assert verified_by(request, old["key"]) == 0
    with db.transaction() as session:
        for row in session.scalars(select(WebhookKey)):
            assert "whsk_" not in row.private_key
        session.execute(update(WebhookKey).where(WebhookKey.expires_at.is_not(None)).values(expires_at=1))
    happen(community_id)
    drain()
    assert versions(receiver.wait_for(4, "/standard")[-1]) == ["v1", "v1a"]
    actions = [each["action"] for each in admin.get("/audit-log").json["data"]]
    assert actions.count("webhook_key.rotated") == 2


def test_v1a_can_be_asked_for_later(admin: FlaskClient, community_id: str, receiver: Receiver) -> None:
    made = register(admin, receiver.url())
    changed = admin.patch(f"/webhooks/{made['id']}", json={"v1a": True}).json["data"]
    assert changed["v1a"] is True
    happen(community_id)
    drain()
    assert verified_by(receiver.wait_for(1)[0], public_keys(admin)[0]["key"]) == 1
    admin.patch(f"/webhooks/{made['id']}", json={"v1a": False})
    happen(community_id)
    drain()
    assert versions(receiver.wait_for(2)[1]) == ["v1"]


def test_a_new_plan_can_go_by_its_other_name(admin: FlaskClient, receiver: Receiver) -> None:
    added = "member.plan.added"
    other = register(admin, receiver.url("/other"), "memberstack", planEvent=added, events=[added])
    usual = register(admin, receiver.url("/usual"), "memberstack", events=["member.plan.created"])
    assert (other["planEvent"], usual["planEvent"]) == (added, "member.plan.created")
    plan = admin.post("/plans", json={"name": "Readers"}).json["data"]["id"]
    admin.post("/members", json={"email": "ann@example.com", "plans": [{"planId": plan}]})
    drain()
    bodies = {path: json.loads(receiver.wait_for(1, path)[0].body) for path in ("/other", "/usual")}
    assert (bodies["/other"]["event"], bodies["/usual"]["event"]) == (added, "member.plan.created")
    assert bodies["/other"]["payload"] == bodies["/usual"]["payload"]
    listed = admin.get(f"/deliveries?type={added}").json["data"]
    assert [each["webhookId"] for each in listed] == [other["id"]]
    replayed = admin.post(f"/webhooks/{other['id']}/replay", json={"since": "2020-01-01T00:00:00Z"})
    assert replayed.status_code == 200
    drain()
    assert receiver.wait_for(2, "/other")[1].body == receiver.received("/other")[0].body


def test_the_other_name_is_memberstacks_alone(admin: FlaskClient) -> None:
    hook = {"name": "A", "url": "https://hooks.example/", "dialect": "standard"}
    added = {"planEvent": "member.plan.added"}
    assert code(admin.post("/webhooks", json={**hook, **added})) == (422, "invalid")
    stack = {**hook, "dialect": "memberstack"}
    wrong = [({}, "member.plan.added"), (added, "member.plan.created")]
    for fields, event in wrong:
        answer = admin.post("/webhooks", json={**stack, **fields, "events": [event]})
        assert code(answer) == (422, "unknown-event-type")
    made = admin.post("/webhooks", json={**stack, **added, "events": ["member.plan.added"]}).json["data"]
    path = f"/webhooks/{made['id']}"
    assert code(admin.patch(path, json={"planEvent": "member.plan.created"})) == (422, "unknown-event-type")
    assert code(admin.patch(path, json={"planEvent": "x"})) == (422, "invalid")
    assert admin.patch(path, json={"name": "B"}).json["data"]["planEvent"] == "member.plan.added"
    moved = admin.patch(path, json={"dialect": "standard", "events": []}).json["data"]
    assert moved["planEvent"] == "member.plan.created"


def fail_since(endpoint_id: str, days: float) -> None:
    with db.transaction() as session:
        session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id)
            .values(failing_since=clock.now() - round(days * clock.DAY))
        )


def mails() -> list[tuple[str, str]]:
    with db.reading() as session:
        return [(mail.recipient, mail.template) for mail in session.scalars(select(Mail).order_by(Mail.seq))]


@pytest.mark.parametrize("overrides", [{"operator_email": ("ops@example.com",)}])
def test_five_days_of_failure_disable_an_endpoint_and_tell_the_operators(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    made = register(admin, receiver.url())
    receiver.script("/hook", Answer(500))
    happen(community_id)
    drain()
    fail_since(made["id"], 4.99)
    make_due()
    drain()
    assert endpoint(made["id"]).enabled
    fail_since(made["id"], 5.01)
    happen(community_id)
    make_due()
    drain()
    view = admin.get(f"/webhooks/{made['id']}").json["data"]
    assert (view["enabled"], view["disabledReason"]) == (False, ailing.STUCK)
    assert {each.status for each in deliveries()} == {"canceled"}
    (entry,) = [each for each in admin.get("/audit-log").json["data"] if each["action"] == "webhook.disabled"]
    assert (entry["targetId"], entry["actor"]["type"]) == (made["id"], "system")
    assert entry["details"] == {"reason": ailing.STUCK}
    assert mails() == [("ops@example.com", "webhook_disabled")]
    letter = admin.get("/dev/inbox").json["data"][0]
    assert letter["subject"] == "A webhook was disabled: Shop"
    assert made["id"] in letter["text"]
    assert ailing.STUCK in letter["html"]


@pytest.mark.parametrize("overrides", [{"operator_email": ("ops@example.com", "two@example.com")}])
def test_gone_is_told_once(admin: FlaskClient, community_id: str, receiver: Receiver) -> None:
    register(admin, receiver.url())
    receiver.script("/hook", Answer(410))
    happen(community_id, 5)
    drain()
    assert mails() == [(to, "webhook_disabled") for to in ("ops@example.com", "two@example.com")]


def test_an_endpoint_that_recovered_in_the_meantime_stays(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    made = register(admin, receiver.url())
    with db.transaction() as session:
        ailing.disable(session, made["id"], ailing.STUCK, clock.now())
    assert endpoint(made["id"]).enabled


def test_registering_and_testing_are_too_slow_for_a_scan(
    admin: FlaskClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "LIMITS", {"register": 4, "test": 2})
    made = register(admin, receiver.url())
    for url in ("http://10.0.0.1:6379/", "gopher://x/"):  # what is refused counts: a scan is little else
        assert (
            admin.post("/webhooks", json={"name": "A", "url": url, "dialect": "standard"}).status_code == 422
        )
    moved = admin.patch(f"/webhooks/{made['id']}", json={"url": receiver.url("/a")})
    assert moved.status_code == 200
    for answer in (
        admin.patch(f"/webhooks/{made['id']}", json={"url": receiver.url("/b")}),
        admin.post("/webhooks", json={"name": "A", "url": receiver.url(), "dialect": "standard"}),
    ):
        assert code(answer) == (429, "too-many-attempts")
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert admin.get("/webhooks").json["totalCount"] == 1
    assert admin.get(f"/webhooks/{made['id']}").json["data"]["url"] == receiver.url("/a")
    assert admin.patch(f"/webhooks/{made['id']}", json={"name": "B"}).status_code == 200
    pings = [admin.post(f"/webhooks/{made['id']}/test", json={}).status_code for _ in range(3)]
    assert pings == [200, 200, 429]
    assert len(deliveries()) == 2


@pytest.mark.parametrize("overrides", [{"rate_limits": False}])
def test_the_limits_can_be_switched_off(
    admin: FlaskClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "LIMITS", {"register": 0, "test": 0})
    made = register(admin, receiver.url())
    assert admin.post(f"/webhooks/{made['id']}/test", json={}).status_code == 200
