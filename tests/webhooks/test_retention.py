"""What is kept for how long, and what a deleted member leaves behind."""

import threading
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, text, update
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import add_endpoint, attempts, deliveries, delivery, happen, make_due

from msidp import clock, db, ids, statements
from msidp.ops import housekeeping
from msidp.webhooks import retention, retry
from msidp.webhooks.models import Attempt, Delivery, Event, EventBody, WebhookEndpoint

DAYS = {"attempt_retention_days": 10, "delivery_retention_days": 20, "event_retention_days": 30}


def age(days: float) -> None:
    """Everything that there is happened so many days ago."""
    ago = round(days * clock.DAY)
    with db.transaction() as session:
        session.execute(update(Attempt).values(at=Attempt.at - ago))
        session.execute(
            update(Delivery).values(
                created_at=Delivery.created_at - ago, settled_at=Delivery.settled_at - ago
            )
        )


def counts() -> tuple[int, int, int, int]:
    with db.reading() as session:
        found = [
            session.scalar(select(func.count()).select_from(each)) or 0
            for each in (Attempt, Delivery, Event, EventBody)
        ]
    return found[0], found[1], found[2], found[3]


@pytest.mark.parametrize("overrides", [DAYS])
def test_each_kind_goes_at_its_own_age(app: Flask, community_id: str, receiver: Receiver) -> None:
    add_endpoint(community_id, receiver.url())
    happen(community_id, 3)
    drain()
    assert counts() == (3, 3, 3, 3)
    housekeeping.clean()
    assert counts() == (3, 3, 3, 3)
    age(9.9)
    housekeeping.clean()
    assert counts() == (3, 3, 3, 3)
    age(0.2)
    housekeeping.clean()
    assert counts() == (0, 3, 3, 3)
    age(10)
    housekeeping.clean()
    assert counts() == (0, 0, 3, 3)
    with db.transaction() as session:
        assert retention.purge_events(session, clock.now() + 29 * clock.DAY) == 0
        assert retention.purge_events(session, clock.now() + 31 * clock.DAY) == 3
    assert counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("overrides", [DAYS])
def test_what_the_community_says_goes_before_the_environment(
    app: Flask, admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    add_endpoint(community_id, receiver.url())
    happen(community_id, 1)
    drain()
    admin.patch("/webhook-settings", json={"attemptRetentionDays": 0, "deliveryRetentionDays": 50})
    age(49)
    housekeeping.clean()
    assert counts() == (1, 1, 1, 1)
    admin.patch("/webhook-settings", json={"attemptRetentionDays": 12})
    housekeeping.clean()
    assert counts() == (0, 1, 1, 1)
    admin.patch("/webhook-settings", json={"deliveryRetentionDays": None})
    housekeeping.clean()
    assert counts() == (0, 0, 1, 1)


@pytest.mark.parametrize("overrides", [DAYS])
def test_what_is_open_stays_and_keeps_its_event(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(500))
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    age(100)
    with db.transaction() as session:
        assert retention.purge_deliveries(session, clock.now()) == 0
        assert retention.purge_events(session, clock.now() + 100 * clock.DAY) == 0
    assert delivery().status == "failed"


@pytest.mark.parametrize("overrides", [DAYS])
def test_what_is_retried_at_that_moment_stays(app: Flask, community_id: str, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(410))
    endpoint_id = add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    age(100)
    with db.transaction() as session:
        session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(enabled=True))
    purged: list[int] = []

    def purge() -> None:
        with app.app_context(), db.transaction() as session:
            purged.append(retention.purge_deliveries(session, clock.now()))

    purging = threading.Thread(target=purge)
    with db.transaction() as session:
        retry.request_manual(session, session.merge(delivery()))
        purging.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        on_postgresql = session.get_bind().dialect.name == "postgresql"
        deadline = time.monotonic() + 10
        while on_postgresql and not session.scalar(waiting):
            assert time.monotonic() < deadline
    purging.join(20)
    assert purged == [0]
    assert delivery().status == "pending"


@pytest.mark.parametrize("overrides", [dict.fromkeys(DAYS, 0)])
def test_zero_days_is_for_ever(app: Flask, community_id: str, receiver: Receiver) -> None:
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    age(10_000)
    with db.transaction() as session:
        for purge in (retention.purge_attempts, retention.purge_deliveries, retention.purge_events):
            assert purge(session, clock.now() + 1000 * clock.DAY) == 0
    assert counts() == (1, 1, 1, 1)


@pytest.mark.parametrize("overrides", [{"event_retention_days": 36_500, "delivery_retention_days": 36_500}])
def test_longer_than_clocks_count_is_for_ever_too(app: Flask, community_id: str) -> None:
    """A hundred years ago is before 1970, whose moments are negative."""
    happen(community_id, 2)
    housekeeping.clean()
    assert counts()[2] == 2


@pytest.mark.parametrize("overrides", [DAYS])
def test_much_goes_in_slices(app: Flask, community_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    happen(community_id, 5)
    deleted = []
    for _ in range(4):
        with db.transaction() as session:
            deleted.append(retention.purge_events(session, clock.now() + 100 * clock.DAY))
    assert deleted == [2, 2, 1, 0]


@pytest.mark.database("sqlite")
@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-20, 20)), max_size=20), st.integers(-2, 45))
def test_rows_are_found_by_their_moment_without_an_index(
    app: Flask, community_id: str, rows: list[tuple[int, int]], wanted: int
) -> None:
    """In order but for less than an hour, with gaps: nothing younger than wanted lies below the bound."""
    moments = [(hour * clock.HOUR + minutes * clock.MINUTE) for hour, minutes in sorted(rows)]
    base = clock.now() - 100 * clock.DAY
    with db.transaction() as session:
        session.execute(delete(Event))
        for number, moment in enumerate(moments):
            event = {
                "seq": 1 + number * 3, "id": ids.new_id("evt"), "community_id": community_id, "type": "a.b",
                "occurred_at": 0, "data": {}, "created_at": base + moment,
            }  # fmt: skip
            session.execute(insert(Event), event)
        at = base + wanted * clock.HOUR
        bound = statements.seq_before(session, Event.seq, Event.created_at, at)
        below = session.scalars(select(Event.created_at).where(Event.seq < bound)).all()
        above = session.scalars(select(Event.created_at).where(Event.seq >= bound)).all()
    assert all(moment < at for moment in below)
    assert not above or above[0] >= at - 2 * clock.HOUR


def leave(admin: FlaskClient, email: str = "ann@example.com") -> str:
    """A member joins, publishes and leaves."""
    member_id: str = admin.post("/members", json={"email": email}).json["data"]["id"]
    data = {"memberId": member_id, "text": "my secret"}
    assert admin.post("/events", json={"event": "comment.created", "data": data}).status_code == 200
    admin.delete(f"/members/{member_id}")
    return member_id


def told(admin: FlaskClient) -> str:
    """Everything that the log can still tell."""
    shown = [admin.get("/events").get_data(as_text=True)]
    shown += [admin.get(f"/deliveries/{each.id}").get_data(as_text=True) for each in deliveries()]
    with db.reading() as session:
        shown += [body.decode() for body in session.scalars(select(EventBody.body))]
    return "".join(shown)


def expunge() -> int:
    with db.transaction() as session:
        return retention.expunge_members(session, clock.now())


def test_a_deleted_members_data_goes_once_its_deliveries_are_settled(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    endpoint_id = add_endpoint(community_id, receiver.url())
    add_endpoint(community_id, receiver.url("/pad"), dialect="memberpad")
    receiver.script("/hook", Answer(500, body=b"cannot take ann@example.com"))
    leave(admin)
    drain()
    assert expunge() == 0
    assert "my secret" in told(admin)
    receiver.script("/hook", Answer(200, body=b"took ann@example.com"))
    make_due()
    drain()
    housekeeping.clean()
    admin.post("/members", json={"email": "bob@example.com"})
    left = told(admin)
    for word in ("ann@example.com", "my secret", "ann"):
        assert word not in left
    assert "bob@example.com" in left
    assert expunge() == 0
    (created,) = admin.get(f"/webhooks/{endpoint_id}/deliveries?type=comment.created").json["data"]
    assert created["status"] == "succeeded"
    full: dict[str, Any] = admin.get(f"/deliveries/{created['id']}").json["data"]
    for attempt in full["attempts"]:
        assert attempt["request"]["body"] is None
        assert attempt["responseExcerpt"] is None
    events = {each["type"]: each["data"] for each in admin.get("/events?type=comment.created").json["data"]}
    assert events == {"comment.created": None}


def test_what_is_published_about_a_member_who_is_gone_goes_too(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    add_endpoint(community_id, receiver.url(), dialect="memberpad")
    member_id = leave(admin)
    drain()
    assert expunge() == 1
    data = {"memberId": member_id, "text": "a late word"}
    assert admin.post("/events", json={"event": "comment.created", "data": data}).status_code == 200
    assert expunge() == 0  # its delivery is open
    drain()
    assert expunge() == 1
    assert "a late word" not in told(admin)
    assert expunge() == 0


def test_nothing_is_sent_of_an_event_that_was_expunged(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    endpoint_id = add_endpoint(community_id, receiver.url())
    receiver.script("/hook", Answer(410))
    leave(admin)
    drain()
    assert {each.status for each in deliveries()} <= {"exhausted", "canceled"}
    assert expunge() == 1
    admin.patch(f"/webhooks/{endpoint_id}", json={"enabled": True})
    gone = next(each for each in deliveries() if each.status == "exhausted")
    answer = admin.post(f"/deliveries/{gone.id}/retry", json={})
    assert (answer.status_code, answer.json["code"]) == (409, "event-expunged")
    count = len(attempts())
    drain()
    assert len(attempts()) == count


def test_members_who_stay_keep_theirs(admin: FlaskClient, community_id: str) -> None:
    admin.post("/members", json={"email": "bob@example.com"})
    assert expunge() == 0
    first, second = leave(admin), leave(admin, "eve@example.com")
    assert expunge() == 2
    with db.reading() as session:
        kept = session.scalars(select(Event.member_id).where(Event.expunged_at.is_(None))).all()
    assert not {first, second} & set(kept)
    assert len(kept) == 1
