"""The drain: what is due is delivered, and however it ends is on record."""

import hashlib
import hmac
import json
import threading
import time

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook
from tests.support.draining import drain
from tests.support.instance import eventually
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import (
    SECRET,
    add_endpoint,
    attempts,
    deliveries,
    delivery,
    endpoint,
    happen,
    make_due,
)

from msidp import clock, db, queue
from msidp.admin import verify_webhook
from msidp.jobs import slices
from msidp.webhooks import disabling, feed, outbox, secrets
from msidp.webhooks import drain as draining
from msidp.webhooks.catalogue import DIALECTS
from msidp.webhooks.models import WebhookEndpoint

JOINED = {
    "member": {"id": "mem_1", "auth": {"email": "jörg@example.com"}, "customFields": {"10": 1.0, "9": "é"}},
    "displayName": "Jörg",
    "planName": None,
}
ONCE = {"webhook_retry_schedule": (0,)}
once = pytest.mark.parametrize("overrides", [ONCE])


def test_a_delivery_and_its_record(app: Flask, community_id: str, tls_receiver: Receiver) -> None:
    before = clock.now()
    tls_receiver.script("/hook", Answer(202, {"X-Answer": "a", "x-answer": "b"}, "schön\0<b>".encode()))
    endpoint_id = add_endpoint(community_id, tls_receiver.url())
    happen(community_id)
    drain()
    (request,) = tls_receiver.requests
    assert verify_webhook(request.body, request.headers, SECRET).type == "post.published"
    done = delivery()
    assert (done.status, done.attempt_count, done.due_at, done.claims) == ("succeeded", 1, None, 0)
    assert (done.lease_token, done.reason) == (None, None)
    assert done.settled_at is not None
    assert before <= done.settled_at <= clock.now()
    (attempt,) = attempts(done.id)
    assert (attempt.number, attempt.status, attempt.error, attempt.manual) == (1, 202, None, False)
    assert before <= attempt.at <= clock.now()
    assert 0 <= attempt.latency_ms < 5000
    shown = json.loads(attempt.request_headers)
    assert shown["webhook-id"] == done.event_id
    assert {name.lower(): value for name, value in shown.items()}.items() <= request.headers.items()
    told = json.loads(attempt.response_headers or "")
    assert told["X-Answer"] == "a"
    assert told["x-answer"] == "b"
    assert attempt.response_excerpt == "schön\ufffd<b>"
    assert endpoint(endpoint_id).failing_since is None


def test_a_strangers_library_verifies_every_dialect(
    app: Flask, community_id: str, tls_receiver: Receiver
) -> None:
    for dialect in DIALECTS:
        add_endpoint(community_id, tls_receiver.url(f"/{dialect}"), dialect=dialect)
    with db.transaction() as session:
        outbox.record(session, community_id=community_id, type="member.created", data=JOINED)
    drain()
    received = {request.path[1:]: request for request in tls_receiver.requests}
    assert set(received) == set(DIALECTS)
    for request in received.values():
        Webhook(SECRET).verify(request.body, request.headers)
        assert request.headers["webhook-id"] == deliveries()[0].event_id
    svix = received["memberstack"]
    names = ("id", "timestamp", "signature")
    Webhook(SECRET).verify(svix.body, {f"webhook-{name}": svix.headers[f"svix-{name}"] for name in names})
    memberpad = received["memberpad"]
    digest = hmac.new(SECRET.encode(), memberpad.body, hashlib.sha256).hexdigest()
    assert memberpad.headers["x-memberpad-signature"] == f"sha256={digest}"
    assert memberpad.headers["x-memberpad-event"] == "member.joined"
    assert memberpad.headers["user-agent"] == "MemberPad-Webhook/1.0"
    (row,) = [row for row in deliveries() if row.dialect == "memberpad"]
    assert memberpad.headers["x-memberpad-delivery"] == row.id


def test_many_deliveries_each_arrive_once(app: Flask, community_id: str, receiver: Receiver) -> None:
    for number in range(3):
        add_endpoint(community_id, receiver.url(f"/{number}"))
    happen(community_id, 100)
    drain()  # on a busy machine its slice may end before the last answer is written down
    eventually(lambda: len(attempts()) == 300, what="every outcome")
    assert {(one.status, one.error) for one in attempts()} == {(200, None)}
    assert len(receiver.requests) == 300
    assert len({(request.path, request.headers["webhook-id"]) for request in receiver.requests}) == 300
    assert {one.status for one in deliveries()} == {"succeeded"}
    assert len(attempts()) == 300


def test_how_long_the_phases_took_is_on_record(app: Flask, community_id: str, tls_receiver: Receiver) -> None:
    tls_receiver.script("/hook", Answer(delay=0.2))
    add_endpoint(community_id, tls_receiver.url())
    happen(community_id)
    drain()
    happen(community_id)
    drain()
    first, second = attempts()
    assert None not in (first.dns_ms, first.connect_ms, first.tls_ms)
    assert 200 <= (first.first_byte_ms or 0) <= first.latency_ms < 5000
    assert (second.dns_ms, second.connect_ms, second.tls_ms) == (None, None, None)
    assert 200 <= (second.first_byte_ms or 0) <= second.latency_ms


def test_a_disabled_endpoint_is_left_alone(app: Flask, community_id: str, receiver: Receiver) -> None:
    endpoint_id = add_endpoint(community_id, receiver.url())
    happen(community_id)
    with db.transaction() as session:
        disabling.disable_endpoint(session, endpoint_id, "by hand")
    drain()
    assert receiver.requests == []
    assert (delivery().status, delivery().reason) == ("canceled", "by hand")


def test_disabling_while_an_attempt_is_under_way(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(delay=0.5))
    endpoint_id = add_endpoint(community_id, receiver.url())
    happen(community_id)
    draining = in_thread(app)
    receiver.wait_for(1)
    with db.transaction() as session:
        disabling.disable_endpoint(session, endpoint_id, "by hand")
    draining.join()
    assert (delivery().status, delivery().attempt_count) == ("canceled", 0)
    assert attempts() == []


@once
def test_an_unopenable_secret_is_a_visible_failure(app: Flask, community_id: str, receiver: Receiver) -> None:
    broken = add_endpoint(community_id, receiver.url("/broken"), secret="v1.00000000.xxxx")
    add_endpoint(community_id, receiver.url("/fine"))
    happen(community_id)
    drain()
    (row,) = deliveries(broken)
    assert (row.status, attempts(row.id)[0].error) == ("exhausted", "secret_unavailable")
    assert [request.path for request in receiver.requests] == ["/fine"]


def test_both_secrets_sign_while_the_old_one_lasts(app: Flask, community_id: str, receiver: Receiver) -> None:
    endpoint_id = add_endpoint(community_id, receiver.url())
    old = "whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0IDAxMjM0NTY3ODk="
    with db.transaction() as session:
        session.execute(
            update(WebhookEndpoint).values(
                previous_secret=secrets.seal(endpoint_id, old),
                previous_secret_expires_at=clock.now() + 60_000,
            )
        )
    happen(community_id)
    drain()
    with db.transaction() as session:
        session.execute(update(WebhookEndpoint).values(previous_secret_expires_at=clock.now()))
    happen(community_id)
    drain()
    during, after = receiver.requests
    assert during.headers["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, old):
        verify_webhook(during.body, during.headers, secret)
    assert after.headers["webhook-signature"].count("v1,") == 1


def test_a_new_url_counts_from_the_next_attempt(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/old", Answer(500))
    add_endpoint(community_id, receiver.url("/old"))
    happen(community_id)
    drain()
    with db.transaction() as session:
        session.execute(update(WebhookEndpoint).values(url=receiver.url("/new")))
    make_due()
    drain()
    assert [request.path for request in receiver.requests] == ["/old", "/new"]


def test_a_worker_that_ends_finishes_what_is_in_flight_and_claims_no_more(
    app: Flask, community_id: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    monkeypatch.setattr(queue, "stopping", stopping)
    receiver.script("/hook", Answer(delay=0.5))
    add_endpoint(community_id, receiver.url())
    happen(community_id, 10)
    draining = in_thread(app)
    receiver.wait_for(2)
    stopping.set()
    draining.join()
    states = [one.status for one in deliveries()]
    assert states.count("succeeded") == len(receiver.requests) == 2
    assert states.count("pending") == 8
    assert all(one.lease_token is None for one in deliveries())


def test_what_comes_in_meanwhile_is_delivered_too(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/slow", Answer(delay=1))
    add_endpoint(community_id, receiver.url("/slow"))
    happen(community_id)
    draining = in_thread(app)
    receiver.wait_for(1, "/slow")
    begun = time.time()
    add_endpoint(community_id, receiver.url("/quick"))
    happen(community_id)
    (request,) = receiver.wait_for(1, "/quick")
    assert request.at - begun < 0.8
    draining.join()


def in_thread(app: Flask) -> threading.Thread:
    """A drain beside the test."""

    def run() -> None:
        with app.app_context():
            drain()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("overrides", [{"webhook_timeout": 3, "webhook_retry_schedule": (0,)}])
def test_the_bell_is_heard_while_a_receiver_hangs(
    app: Flask, community_id: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed would not look again of itself for as long as the test lasts."""
    stopping = threading.Event()
    monkeypatch.setattr(queue, "stopping", stopping)
    monkeypatch.setattr(feed, "LOOK_EVERY", 3600.0)
    receiver.script("/hanging", Answer(delay=60))
    add_endpoint(community_id, receiver.url("/hanging"))
    happen(community_id)

    def run() -> None:
        with app.app_context():
            draining.drain()

    job = threading.Thread(target=run)
    job.start()
    receiver.wait_for(1, "/hanging")
    add_endpoint(community_id, receiver.url("/well"))
    for number in range(1, 4):
        happen(community_id)
        receiver.wait_for(number, "/well")
    stopping.set()
    job.join()
    monkeypatch.setattr(feed, "LOOK_EVERY", 0.02)
    draining.finish()  # its thread would outlive the test's database, and keep this process from ending


@pytest.mark.parametrize("overrides", [{"webhook_timeout": 5, "webhook_retry_schedule": (0,)}])
def test_mail_ends_a_drain(app: Flask, community_id: str, receiver: Receiver) -> None:
    """The job makes way, and asks for another one; what is in flight stays there."""
    receiver.script("/hanging", Answer(delay=60))
    add_endpoint(community_id, receiver.url("/hanging"))
    happen(community_id)
    queue.connection().flushall()

    def ring() -> None:
        with app.app_context():
            eventually(lambda: queue.connection().pubsub_numsub("msidp:bell:0:mail")[0][1] == 1)
            queue.ring(queue.MAIL)

    ringing = threading.Thread(target=ring)
    ringing.start()
    draining.drain()
    ringing.join()
    assert delivery().status == "pending"
    assert queue.queue(queue.WEBHOOKS).count == 1
    drain()
    assert delivery().status == "exhausted"


@pytest.mark.parametrize("overrides", [{"webhook_timeout": 5, "webhook_retry_schedule": (0,)}])
def test_work_in_slices_goes_on_beside_a_receiver_that_hangs(
    app: Flask, community_id: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it within one job, however often its budget ends."""
    left = list(range(24))

    def do(_session: Session) -> None:
        time.sleep(0.05)
        left.pop()

    monkeypatch.setattr(slices, "_works", [slices.Work("test", lambda _session: bool(left), do)])
    receiver.script("/hanging", Answer(delay=60))
    add_endpoint(community_id, receiver.url("/hanging"))
    happen(community_id)
    draining.drain()
    assert left == []
    assert delivery().status == "exhausted"
