"""One bad endpoint never slows another: seen by the order in which things happen, not by a stopwatch."""

import socket
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import update
from tests.support.draining import drain
from tests.support.receiver import Receiver
from tests.webhooks.support import add_endpoint, attempts, deliveries, happen

from msidp import clock, db, queue
from msidp.webhooks.lanes import MOST, SICK_SLOTS, SLOTS
from msidp.webhooks.models import WebhookEndpoint

# Who is sent to when is decided in memory, whatever the database.
pytestmark = pytest.mark.database("sqlite")
HEALTHY, EVENTS = 5, 10
patient = pytest.mark.parametrize(
    "overrides", [{"webhook_timeout": 5, "webhook_retry_schedule": (0,)}], ids=["patient"]
)


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of one that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@patient
@pytest.mark.parametrize(
    ("hanging", "known", "at_most"),
    [(1, False, 2), (SLOTS, False, MOST - SICK_SLOTS), (SLOTS, True, SICK_SLOTS)],
    ids=["one", "as many as there are slots", "as many, known to fail"],
)
def test_the_healthy_are_through_before_the_first_of_the_hanging_gives_up(
    app: Flask,
    community_id: str,
    receiver: Receiver,
    silent: str,
    monkeypatch: pytest.MonkeyPatch,
    hanging: int,
    known: bool,
    at_most: int,
) -> None:
    """However many hang, and although each of them has work waiting."""
    stopping = threading.Event()
    monkeypatch.setattr(queue, "stopping", stopping)
    sick = {add_endpoint(community_id, silent) for _ in range(hanging)}
    if known:
        with db.transaction() as session:
            session.execute(update(WebhookEndpoint).values(failing_since=clock.now()))
    well = {add_endpoint(community_id, receiver.url("/well")) for _ in range(HEALTHY)}
    happen(community_id, EVENTS)

    def run() -> None:
        with app.app_context():
            drain()

    draining = threading.Thread(target=run)
    draining.start()
    receiver.wait_for(HEALTHY * EVENTS, "/well", timeout=30)
    stopping.set()  # what is in flight comes to its end, and nothing more is taken up
    draining.join()
    rows = deliveries()
    assert [row.status for row in rows if row.endpoint_id in well] == ["succeeded"] * HEALTHY * EVENTS
    gave_up = [one for row in rows if row.endpoint_id in sick for one in attempts(row.id)]
    assert {one.error for one in gave_up} == {"timeout"}
    assert 1 <= len(gave_up) <= at_most
    arrived = max(request.at for request in receiver.received("/well")) * clock.SECOND
    assert arrived < min(one.at + one.latency_ms for one in gave_up)
