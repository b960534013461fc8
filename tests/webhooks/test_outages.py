"""A database that goes, or stands still, for longer than leases last."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from flask import Flask
from sqlalchemy import event, text
from structlog.testing import capture_logs
from tests.support.draining import drain_together
from tests.support.postgres import PostgresServer
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import add_endpoint, deliveries, happen

from msidp import db, outages
from msidp.app import create_core
from msidp.jobs import slices
from msidp.settings import Settings
from msidp.webhooks.drain import Engine

TIMEOUT = 0.5
LEASE = 3 * TIMEOUT


@contextmanager
def away(postgres: PostgresServer) -> Iterator[None]:
    """Nobody is connected, nor can be."""
    postgres.execute("ALTER DATABASE own ALLOW_CONNECTIONS false")
    try:
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'own'")
        yield
    finally:
        postgres.execute("ALTER DATABASE own ALLOW_CONNECTIONS true")


def slow_down(app: Flask) -> None:
    """From now on this application takes a while to connect."""
    with app.app_context():
        event.listen(db.db.engine, "do_connect", lambda *_: time.sleep(0.3))


@pytest.mark.own_database
@pytest.mark.database("postgresql")
@pytest.mark.parametrize("overrides", [{"webhook_timeout": TIMEOUT}])
def test_what_was_delivered_is_sent_again_by_nobody(
    app: Flask,
    settings: Settings,
    community_id: str,
    receiver: Receiver,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever comes back first leaves the others the time to record what they sent. Each tells of it once."""
    receiver.script("/hook", Answer(delay=0.3))
    for number in range(3):
        add_endpoint(community_id, receiver.url(f"/hook?{number}"))
    happen(community_id, 4)
    elsewhere = create_core(settings)
    engines = [Engine(app), Engine(elsewhere)]
    monkeypatch.setattr(outages, "log", structlog.get_logger())  # the other remembers where it wrote before
    monkeypatch.setattr(slices, "_outages", {})
    with capture_logs() as logs:
        for engine in engines:
            engine.wake()
        receiver.wait_for(12)
        slow_down(elsewhere)
        with away(postgres):
            ends = time.monotonic() + LEASE + 0.5
            while time.monotonic() < ends:
                assert slices.advance() is False
                time.sleep(0.2)
        drain_together(engines)
    with elsewhere.app_context():
        db.dispose()
    assert len(receiver.requests) == 12
    assert {(one.status, one.attempt_count) for one in deliveries()} == {("succeeded", 1)}
    told = Counter((line["event"], line["part"]) for line in logs if line["log_level"] != "info")
    assert told == {
        ("the database is away", "deliveries"): 2,
        ("the database is away", "replays"): 1,
        ("the database is away", "jobs"): 1,
    }


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("overrides", [{"webhook_timeout": TIMEOUT}])
def test_what_was_claimed_too_slowly_is_left_to_the_next_claim(
    app: Flask, settings: Settings, community_id: str, receiver: Receiver
) -> None:
    """The database answers after the leases that it was asked for have ended."""
    receiver.script("/hook", Answer(delay=0.3))
    add_endpoint(community_id, receiver.url())
    happen(community_id, 2)
    elsewhere = create_core(settings)
    engines = [Engine(app), Engine(elsewhere)]
    with db.transaction() as session:
        session.execute(text("LOCK TABLE delivery"))
        for engine in engines:
            engine.wake()
        time.sleep(LEASE + 0.3)
    drain_together(engines)
    with elsewhere.app_context():
        db.dispose()
    assert len(receiver.requests) == 2
    assert {(one.status, one.claims) for one in deliveries()} == {("succeeded", 0)}


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("overrides", [{"webhook_timeout": TIMEOUT}])
def test_what_was_answered_while_the_database_stood_still_is_no_timeout(
    app: Flask, community_id: str, receiver: Receiver
) -> None:
    """The first answer's outcome waits to be written, and so does the look at the second answer."""
    receiver.script("/hook", Answer(delay=0.1))
    receiver.script("/later", Answer(delay=0.3))
    for path in ("/hook", "/later"):
        add_endpoint(community_id, receiver.url(path))
    happen(community_id)
    engine = Engine(app)
    engine.wake()
    receiver.wait_for(2)
    with db.db.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        time.sleep(TIMEOUT + 0.3)
        other.exec_driver_sql("ROLLBACK")
    drain_together([engine])
    assert {(one.status, one.attempt_count) for one in deliveries()} == {("succeeded", 1)}
    assert len(receiver.requests) == 2
