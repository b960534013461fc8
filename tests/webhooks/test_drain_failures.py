"""What fails: retried by the schedule and by hand, classified, and in nobody else's way."""

import ssl
import threading

import pytest
import trustme
from flask import Flask
from sqlalchemy import select
from tests.support.draining import drain
from tests.support.instance import eventually
from tests.support.postgres import PostgresServer
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import (
    add_endpoint,
    attempts,
    deliveries,
    delivery,
    endpoint,
    happen,
)

from msidp import clock, db
from msidp.audit.models import AuditEntry
from msidp.webhooks import retry

QUICK = {"webhook_retry_schedule": (0, 0.05, 0.05)}
ONCE = {"webhook_retry_schedule": (0,)}
quick = pytest.mark.parametrize("overrides", [QUICK])
hasty = pytest.mark.parametrize("overrides", [{**ONCE, "webhook_timeout": 0.3}])


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


@pytest.mark.own_database
@pytest.mark.database("postgresql")
def test_outcomes_wait_for_a_database_that_is_away(
    app: Flask, community_id: str, receiver: Receiver, postgres: PostgresServer
) -> None:
    """It goes while the receiver thinks. What was delivered is recorded later, and not sent again."""
    receiver.script("/hook", Answer(delay=1))
    add_endpoint(community_id, receiver.url())
    happen(community_id)

    def run() -> None:
        with app.app_context():
            drain()

    worker = threading.Thread(target=run)
    worker.start()
    receiver.wait_for(1)
    postgres.execute("ALTER DATABASE own ALLOW_CONNECTIONS false")
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'own'")
    refused = b'database "own" is not currently accepting connections'
    eventually(lambda: refused in (postgres.root / "log").read_bytes())
    postgres.execute("ALTER DATABASE own ALLOW_CONNECTIONS true")
    worker.join()
    done = delivery()
    assert (done.status, done.attempt_count, done.claims) == ("succeeded", 1, 0)
    assert len(receiver.requests) == 1
