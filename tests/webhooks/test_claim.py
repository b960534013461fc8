"""Claims, leases and the fence: nothing is lost, and nobody writes over another's outcome."""

import threading
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.dialects import sqlite
from tests.support.draining import drain_together
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import (
    add_endpoint,
    attempts,
    deliveries,
    delivery,
    endpoint,
    happen,
    make_due,
)

from msidp import clock, db, ids
from msidp.outbound.exchange import Reply
from msidp.webhooks import claim, disabling, settle
from msidp.webhooks.attempts import Outcome
from msidp.webhooks.drain import Engine, drain
from msidp.webhooks.models import Delivery

SCHEDULE = (0, 60)
LEASE = 30_000
URL = "https://example.com/"
FINE = Reply(200, None, 5, (b"HTTP/1.1 200 OK\r\n",), b"ok")
POOR = Reply(500, "http_error", 5, (b"HTTP/1.1 500 X\r\n",), b"no")


def peek(full: tuple[str, ...] = (), each: int = 10) -> list[claim.Candidate]:
    with db.reading() as session:
        waiting = claim.peek(session, clock.now(), full, each)
    return [claim.Candidate(seq, due.endpoint_id) for due in waiting for seq in due.seqs]


def take(count: int = 1000, now: int | None = None) -> list[claim.Claimed]:
    chosen = peek(each=count)[:count]
    with db.transaction() as session:
        return claim.take(session, chosen, now or clock.now(), LEASE)


def outcome(claimed: claim.Claimed, reply: Reply = FINE) -> Outcome:
    with db.reading() as session:
        (target,) = claim.targets(session, [claimed.endpoint_id])
    return Outcome(claimed, target, {"webhook-id": claimed.event_id}, clock.now(), reply)


def record(*outcomes: Outcome) -> None:
    with db.transaction() as session:
        settle.record(session, outcomes, SCHEDULE)


def test_a_claim_is_exclusive_until_its_lease_ends(app: Flask, community_id: str) -> None:
    add_endpoint(community_id, URL)
    happen(community_id, 3)
    now = clock.now()
    first = take(2)
    assert len(first) == 2
    assert len({one.lease_token for one in first}) == 1
    assert [one.name for one in first] == ["post.published"] * 2
    assert all(b'"type":"post.published"' in one.body for one in first)
    assert len(take()) == 1
    assert peek() == []
    rows = deliveries()
    assert all((row.due_at or 0) >= now + LEASE for row in rows)
    assert [row.claims for row in rows] == [1, 1, 1]
    with db.transaction() as session:
        chosen = [claim.Candidate(row.seq, row.endpoint_id) for row in rows]
        again = claim.take(session, chosen, clock.now() + LEASE + 1000, LEASE)
    assert len(again) == 3
    assert {one.lease_token for one in again}.isdisjoint({one.lease_token for one in first})


PILE = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    SELECT 'd' || i, :community, :event, :endpoint, 'standard', 'pile-' || i, 'pending', 0, 0, false, 0, i, 0
    FROM n
"""


def pile_up(community_id: str, endpoint_id: str, count: int) -> None:
    """Deliveries of one event that are due since the moments 1, 2, 3, …"""
    columns = "id, community_id, event_id, endpoint_id, dialect, origin, status"
    columns += ", attempt_count, scheduled_count, manual, claims, due_at, created_at"
    values = {"count": count, "community": community_id, "endpoint": endpoint_id}
    values["event"] = deliveries()[0].event_id
    with db.transaction() as session:
        session.execute(text(f"INSERT INTO delivery ({columns}) {PILE}"), values)  # constants


def test_the_oldest_come_first_and_many_thousands_hide_nobody(app: Flask, community_id: str) -> None:
    hog, other = add_endpoint(community_id, URL), add_endpoint(community_id, URL)
    happen(community_id)
    pile_up(community_id, hog, 20_000)
    begun = time.monotonic()
    found = peek(each=8)
    assert time.monotonic() - begun < 0.5
    assert [one.endpoint_id for one in found].count(hog) == 8
    assert [one.endpoint_id for one in found].count(other) == 1
    due = {row.seq: row.due_at for row in deliveries(hog)}
    assert sorted(due[one.seq] or 0 for one in found if one.endpoint_id == hog) == list(range(1, 9))
    assert [one.endpoint_id for one in peek(full=(hog,))] == [other]


def plan(statement: Any, **values: Any) -> str:
    """How the database would execute it, a step a line."""
    with db.reading() as session:
        connection = session.connection()
        if db.engine_name() == "sqlite":
            explain = f"EXPLAIN QUERY PLAN {statement.compile(dialect=sqlite.dialect(paramstyle='named'))}"
        else:
            explain = f"EXPLAIN {statement.compile(dialect=connection.dialect)}"
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain, values))


def test_claiming_goes_by_an_index(app: Flask, community_id: str) -> None:
    hog = add_endpoint(community_id, URL)
    happen(community_id)
    pile_up(community_id, hog, 20_000)
    name = db.engine_name()
    empty: Any = "[]" if name == "sqlite" else []
    with db.transaction() as session:
        session.execute(text("ANALYZE delivery"))
    now = clock.now()
    looking = plan(claim._peek.statement(name), now=now, each=8, full=empty)
    index = "COVERING INDEX ix_delivery_endpoint_due (endpoint_id=? AND due_at"
    assert (index if name == "sqlite" else "using ix_delivery_endpoint_due on delivery") in looking
    claiming = plan(claim._take.statement(name), now=now, until=now, token="t", seqs=empty, claims_1=1)
    assert ("INTEGER PRIMARY KEY" if name == "sqlite" else "using pk_delivery on delivery") in claiming
    for steps in (looking, claiming):
        assert "SCAN delivery" not in steps
        assert "Seq Scan on delivery" not in steps


def test_an_outcome_is_recorded_once(app: Flask, community_id: str) -> None:
    add_endpoint(community_id, URL)
    happen(community_id)
    ended = outcome(*take())
    record(ended)
    record(ended)
    assert (delivery().status, delivery().attempt_count, delivery().claims) == ("succeeded", 1, 0)
    assert len(attempts()) == 1


@pytest.mark.parametrize("late", [FINE, POOR])
def test_a_stale_claim_writes_nothing(app: Flask, community_id: str, late: Reply) -> None:
    endpoint_id = add_endpoint(community_id, URL)
    happen(community_id)
    stale = outcome(*take(), late)
    make_due()
    (fresh,) = take()
    record(stale)
    row = delivery()
    assert (row.status, row.lease_token, row.claims) == ("pending", fresh.lease_token, 2)
    assert attempts() == []
    assert endpoint(endpoint_id).failing_since is None
    record(outcome(fresh, POOR))
    assert (delivery().status, delivery().claims) == ("failed", 0)
    record(stale)
    assert delivery().status == "failed"


def test_a_stale_410_disables_nothing(app: Flask, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, URL)
    happen(community_id)
    stale = outcome(*take(), Reply(410, "http_error", 5, (), b""))
    make_due()
    take()
    record(stale)
    assert endpoint(endpoint_id).enabled


def test_outcomes_of_many_claims_go_together(app: Flask, community_id: str) -> None:
    for _ in range(3):
        add_endpoint(community_id, URL)
    happen(community_id, 4)
    mine = take(5)
    others = take()
    outcomes = [outcome(one, FINE if number % 2 else POOR) for number, one in enumerate(mine + others)]
    make_due()
    stolen = take(3)
    record(*outcomes)
    by_seq = {row.seq: row for row in deliveries()}
    lost = {one.seq for one in stolen}
    for one in outcomes:
        row = by_seq[one.claimed.seq]
        expected = "pending" if row.seq in lost else "succeeded" if one.reply.error is None else "failed"
        assert row.status == expected
    assert len(attempts()) == 12 - 3


def test_an_outcome_after_cancellation_leaves_no_trace(app: Flask, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, URL)
    happen(community_id)
    ended = outcome(*take())
    with db.transaction() as session:
        disabling.disable_endpoint(session, endpoint_id, "by hand")
    record(ended)
    assert delivery().status == "canceled"
    assert attempts() == []


def test_canceled_between_peek_and_take(app: Flask, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, URL)
    happen(community_id)
    chosen = peek()
    with db.transaction() as session:
        disabling.disable_endpoint(session, endpoint_id, "by hand")
    with db.transaction() as session:
        assert claim.take(session, chosen, clock.now(), LEASE) == []


def test_a_worker_that_dies_between_claim_and_outcome(
    app: Flask, community_id: str, receiver: Receiver
) -> None:
    """Its row comes back when the lease ends, and is delivered under the same ids."""
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    (lost,) = take(now=clock.now())
    drain()
    assert receiver.requests == []
    make_due()  # time passes
    drain()
    assert delivery().status == "succeeded"
    assert receiver.requests[0].headers["webhook-id"] == lost.event_id


def test_five_claims_without_an_outcome_park_the_row(
    app: Flask, community_id: str, receiver: Receiver
) -> None:
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    for _ in range(claim.MAX_CLAIMS):
        assert len(take()) == 1
        make_due()
    happen(community_id)
    drain()
    parked, fine = deliveries()
    assert (parked.status, parked.reason, parked.due_at) == ("exhausted", claim.PARKED, None)
    assert parked.settled_at is not None
    assert (fine.status, len(receiver.requests)) == ("succeeded", 1)


def test_two_drains_at_once_send_everything_once(
    app: Flask, community_id: str, receiver: Receiver, settings
) -> None:
    """Two engines, as in two processes, on one database."""
    receiver.script("/hook", Answer(delay=0.005))
    for _ in range(4):
        add_endpoint(community_id, receiver.url())
    happen(community_id, 100)
    drain_together([Engine(app), Engine(app)])
    assert {row.status for row in deliveries()} == {"succeeded"}
    assert len(receiver.requests) == len(attempts()) == 400


def test_deliveries_committed_while_an_endpoint_is_being_disabled_do_not_stay_open(
    app: Flask, community_id: str
) -> None:
    """The change that still saw it enabled commits first, or sees it disabled."""
    endpoint_id = add_endpoint(community_id, URL)
    done = threading.Event()

    def disable() -> None:
        with app.app_context(), db.transaction() as session:
            disabling.disable_endpoint(session, endpoint_id, "by hand")
        done.set()

    thread = threading.Thread(target=disable)
    with db.transaction():
        happen(community_id)
        thread.start()
        assert not done.wait(0.3)
    thread.join()
    assert [row.status for row in deliveries()] == ["canceled"]


def test_a_token_is_not_a_guess(app: Flask, community_id: str) -> None:
    add_endpoint(community_id, URL)
    happen(community_id)
    with db.transaction() as session:
        session.execute(update(Delivery).values(lease_token=ids.new_guid()))
    (mine,) = take()
    assert len(mine.lease_token) == 32
