"""The drain: what is due is delivered, and however it ends is on record."""

import hashlib
import hmac
import json
import ssl
import threading
import time

import pytest
import trustme
from flask import Flask
from sqlalchemy import select, text, update
from standardwebhooks.webhooks import Webhook
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
from msidp.audit.models import AuditEntry
from msidp.vault.fields import cipher
from msidp.webhooks import disabling, outbox, retry, secrets
from msidp.webhooks.catalogue import DIALECTS
from msidp.webhooks.drain import drain
from msidp.webhooks.models import WebhookEndpoint

JOINED = {
    "member": {"id": "mem_1", "auth": {"email": "jörg@example.com"}, "customFields": {"10": 1.0, "9": "é"}},
    "displayName": "Jörg",
    "planName": None,
}
QUICK = {"webhook_retry_schedule": (0, 0.05, 0.05)}
ONCE = {"webhook_retry_schedule": (0,)}
quick = pytest.mark.parametrize("overrides", [QUICK])
once = pytest.mark.parametrize("overrides", [ONCE])
hasty = pytest.mark.parametrize("overrides", [{**ONCE, "webhook_timeout": 0.3}])


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


@quick
def test_failures_are_retried_until_exhausted(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(500, body=b"no \xff\xfe"))
    endpoint_id = add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    done = delivery()
    assert (done.status, done.attempt_count, done.due_at) == ("exhausted", 3, None)
    assert "All 3 attempts" in (done.reason or "")
    assert done.settled_at is not None
    made = attempts(done.id)
    assert [(one.number, one.status, one.error) for one in made] == [
        (n, 500, "http_error") for n in (1, 2, 3)
    ]
    assert made[0].response_excerpt == "no \ufffd\ufffd"
    assert [request.headers["webhook-id"] for request in receiver.requests] == [done.event_id] * 3
    assert len({request.body for request in receiver.requests}) == 1
    assert endpoint(endpoint_id).failing_since == made[0].at


@quick
def test_a_retry_that_succeeds_settles_it(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(503), Answer(200))
    endpoint_id = add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    assert (delivery().status, delivery().attempt_count) == ("succeeded", 2)
    assert endpoint(endpoint_id).failing_since is None


def test_a_failed_one_waits_for_its_time(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(500))
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    waiting = delivery()
    (attempt,) = attempts()
    ended = attempt.at + attempt.latency_ms
    assert (waiting.status, waiting.lease_token, waiting.claims) == ("failed", None, 0)
    assert waiting.due_at is not None
    assert ended + 60_000 <= waiting.due_at <= ended + 66_001
    drain()
    assert len(receiver.requests) == 1


def test_retry_after_is_heeded(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(429, {"Retry-After": "600"}))
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    assert (delivery().due_at or 0) >= clock.now() + 590_000


@pytest.mark.parametrize("path", ["/gone"])
def test_gone_disables_the_endpoint(app: Flask, community_id: str, receiver: Receiver, path: str) -> None:
    receiver.script(path, Answer(500), Answer(410))
    gone = add_endpoint(community_id, receiver.url(path))
    other = add_endpoint(community_id, receiver.url("/other"))
    happen(community_id)
    drain()
    happen(community_id)
    drain()
    assert [(one.status, one.due_at) for one in deliveries(gone)] == [("canceled", None), ("exhausted", None)]
    assert [one.status for one in deliveries(other)] == ["succeeded"] * 2
    row = endpoint(gone)
    assert (row.enabled, row.disabled_reason) == (False, "It answered 410 Gone.")
    with db.reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.target_id, entry.actor_type) == ("webhook.disabled", gone, "system")
    happen(community_id)
    drain()
    assert len(deliveries(gone)) == 2
    assert len(receiver.received(path)) == 2


@pytest.mark.parametrize("overrides", [{**ONCE, "webhook_timeout": 2}])
def test_other_failures_have_their_class(app: Flask, community_id: str, receiver: Receiver) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    receiver.script("/slow", Answer(delay=5))
    receiver.script("/moved", Answer(302, {"Location": "/"}))
    receiver.script("/garbage", Answer(act=lambda connection: connection.sendall(b"hello\r\n\r\n")))
    with Receiver(context) as impostor:
        expected = {
            add_endpoint(community_id, receiver.url("/slow")): "timeout",
            add_endpoint(community_id, receiver.url("/moved")): "redirect",
            add_endpoint(community_id, receiver.url("/garbage")): "bad_response",
            add_endpoint(community_id, impostor.url()): "tls_error",
            add_endpoint(community_id, "https://10.0.0.1/"): "blocked_address",
            add_endpoint(community_id, "https://2130706433/"): None,
        }
        happen(community_id)
        drain()
    errors = {one.endpoint_id: attempts(one.id)[0].error for one in deliveries()}
    assert {one.status for one in deliveries() if expected[one.endpoint_id]} == {"exhausted"}
    for endpoint_id, error in expected.items():
        assert error is None or errors[endpoint_id] == error
    assert receiver.received("/") == []


@hasty
def test_a_slow_one_keeps_nobody_waiting(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/slow", Answer(delay=5))
    slow = add_endpoint(community_id, receiver.url("/slow"))
    quick_one = add_endpoint(community_id, receiver.url("/quick"))
    happen(community_id, 8)
    drain()
    assert {one.status for one in deliveries(quick_one)} == {"succeeded"}
    assert {one.status for one in deliveries(slow)} == {"exhausted"}
    order = [request.path for request in receiver.requests]  # two slow ones at first, then one by one
    assert order.index("/slow", 4) > max(place for place, path in enumerate(order) if path == "/quick")


def test_custom_headers_are_sent_and_not_logged(app: Flask, community_id: str, receiver: Receiver) -> None:
    add_endpoint(community_id, receiver.url(), headers={"Authorization": "Bearer s3cret", "X-Env": "test"})
    happen(community_id)
    drain()
    (request,) = receiver.requests
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["x-env"] == "test"
    logged = attempts()[0].request_headers
    assert "Authorization" in logged
    assert "s3cret" not in logged


def test_custom_headers_are_encrypted_at_rest(app: Flask, community_id: str) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    endpoint_id = add_endpoint(community_id, "https://example.com/", headers=headers)
    with db.reading() as session:
        stored = session.execute(text("SELECT headers FROM webhook_endpoint")).scalar_one()
    assert stored.startswith("v1.")
    assert "s3cret" not in stored
    assert endpoint(endpoint_id).headers == headers


def test_custom_headers_open_in_their_own_row_alone(app: Flask, community_id: str) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    mine = add_endpoint(community_id, "https://example.com/", headers=headers)
    other = add_endpoint(community_id, "https://example.com/")
    with db.transaction() as session:
        session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == other)
            .values(sealed_headers=endpoint(mine).sealed_headers)
        )
    assert endpoint(mine).headers == headers
    assert endpoint(other).headers == {}


def test_custom_headers_that_the_first_version_sealed_still_open(app: Flask, community_id: str) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    sealed = cipher().seal(json.dumps(headers), "webhook_endpoint.headers")
    assert (
        endpoint(add_endpoint(community_id, "https://example.com/", sealed_headers=sealed)).headers == headers
    )


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


@quick
def test_by_hand_any_number_of_times(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", *[Answer(500)] * 5, Answer(200))
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    assert delivery().status == "exhausted"
    for expected in ("exhausted", "exhausted", "succeeded"):
        with db.transaction() as session:
            retry.request_manual(session, session.merge(delivery()))
        drain()
        assert delivery().status == expected
    assert delivery().attempt_count == 6
    assert delivery().scheduled_count == 3
    assert [one.manual for one in attempts()] == [False] * 3 + [True] * 3
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def test_by_hand_does_not_restart_the_schedule(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(500))
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    scheduled = delivery().due_at
    for _ in range(2):
        with db.transaction() as session:
            retry.request_manual(session, session.merge(delivery()))
        drain()
    after = delivery()
    assert (after.status, after.due_at) == ("failed", scheduled)
    assert (after.attempt_count, after.scheduled_count) == (3, 1)


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
