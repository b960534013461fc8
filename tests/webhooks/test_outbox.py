"""The event and its deliveries stand and fall with the change that caused them."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from tests.support.statements import statements
from tests.support.valkey import ValkeyServer
from tests.webhooks.samples import ABOUT, UPDATED

from msidp import clock, db, ids, queue
from msidp.communities.models import Community
from msidp.members import service as members
from msidp.members.models import Member
from msidp.settings import Settings
from msidp.webhooks import outbox
from msidp.webhooks.models import Delivery, Event, EventBody, WebhookEndpoint


def endpoint(community_id: str, dialect: str = "memberstack", **fields: Any) -> str:
    with db.transaction() as session:
        row = WebhookEndpoint(
            **{
                "id": ids.new_id("whk"),
                "community_id": community_id,
                "name": "A",
                "url": "https://hooks.example",
                "dialect": dialect,
                "events": [],
                "headers": {},
                "secret": "-",
                "created_at": 0,
                "updated_at": 0,
                **fields,
            }
        )
        session.add(row)
        session.flush()
        return row.id


def record(community_id: str, type: str = "member.created", **fields: Any) -> str:  # noqa: A002  # as in outbox
    with db.transaction() as session:
        return outbox.record(session, community_id=community_id, type=type, **{"data": ABOUT, **fields})


def count(model: Any) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def deliveries() -> list[Delivery]:
    with db.reading() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.seq)))


@pytest.mark.parametrize(("endpoints", "expected"), [(0, 2), (1, 4), (25, 4)])
def test_the_number_of_statements_does_not_grow(community_id: str, endpoints: int, expected: int) -> None:
    for number in range(endpoints):
        endpoint(community_id, ("memberstack", "memberpad", "standard")[number % 3])
    with statements() as seen:
        record(community_id)
    assert len(seen) == expected, seen
    assert (count(Event), count(Delivery)) == (1, endpoints)
    assert count(EventBody) == min(endpoints, 3)


def test_event_body_and_delivery_of_a_change(community_id: str) -> None:
    endpoint_id = endpoint(community_id, "memberpad")
    before = clock.now()
    event_id = record(community_id, member_id="mem_1", occurred_at=1_774_708_200_123)
    with db.reading() as session:
        event = session.scalars(select(Event)).one()
        body = session.scalars(select(EventBody)).one()
        delivery = session.scalars(select(Delivery)).one()
    assert (event.id, event.type, event.member_id, event.data) == (event_id, "member.created", "mem_1", ABOUT)
    assert (event.occurred_at, before <= event.created_at <= clock.now()) == (1_774_708_200_123, True)
    assert (body.event_id, body.dialect, body.name) == (event_id, "memberpad", "member.joined")
    assert body.body.startswith(b'{"event":"member.joined","timestamp":"2026-03-28T14:30:00.123Z"')
    assert (delivery.event_id, delivery.endpoint_id, delivery.dialect) == (event_id, endpoint_id, "memberpad")
    assert (delivery.status, delivery.origin, delivery.attempt_count) == ("pending", "event", 0)
    assert delivery.due_at == delivery.created_at == event.created_at
    assert (delivery.claims, delivery.lease_token, delivery.settled_at) == (0, None, None)


def test_only_who_subscribed_hears_it(community_id: str) -> None:
    everything = endpoint(community_id, "standard")
    by_its_name = endpoint(community_id, "memberpad", events=["member.joined", "member.left"])
    endpoint(community_id, "memberpad", events=["subscription.created"])
    endpoint(community_id, "memberstack", events=["member.updated"])
    endpoint(community_id, "memberstack", enabled=False)
    record(community_id)
    assert [delivery.endpoint_id for delivery in deliveries()] == [everything, by_its_name]
    assert count(EventBody) == 2


def test_a_dialect_without_a_word_for_it_hears_nothing(community_id: str, valkey: ValkeyServer) -> None:
    endpoint(community_id, "memberpad")
    record(community_id, "member.updated", data=dict(UPDATED.data))
    assert (count(Event), count(EventBody), count(Delivery)) == (1, 0, 0)
    assert queue.queue(queue.WEBHOOKS).count == 0


def test_the_bell_rings_after_the_commit(community_id: str) -> None:
    endpoint(community_id)
    with db.transaction() as session:
        outbox.record(session, community_id=community_id, type="member.created", data=ABOUT)
        outbox.record(session, community_id=community_id, type="member.deleted", data=ABOUT)
        assert queue.queue(queue.WEBHOOKS).count == 0
    assert queue.queue(queue.WEBHOOKS).count == 1


class Broken(Exception):
    pass


def test_what_is_rolled_back_never_happened(community_id: str) -> None:
    endpoint(community_id)
    with pytest.raises(Broken), db.transaction() as session:
        members.create_member(session, community_id, email="ann@example.com")
        raise Broken
    for model in (Member, Event, EventBody, Delivery):
        assert count(model) == 0
    assert queue.queue(queue.WEBHOOKS).count == 0


def test_the_schedule_may_begin_later(app: Flask, community_id: str, settings: Settings) -> None:
    app.extensions["msidp_settings"] = settings.model_copy(update={"webhook_retry_schedule": (1.5, 60)})
    endpoint(community_id)
    record(community_id)
    (delivery,) = deliveries()
    assert delivery.due_at == delivery.created_at + 1500


def test_what_is_committed_is_there_with_its_delivery(community_id: str) -> None:
    endpoint(community_id)
    with db.transaction() as session:
        members.create_member(session, community_id, email="ann@example.com")
    assert [count(model) for model in (Member, Event, EventBody, Delivery)] == [1, 1, 1, 1]


def test_a_change_survives_the_queue_being_away(
    app: Flask, community_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_silent_until", 0.0)  # and put back: the next test hears the bell
    app.extensions["msidp_redis"] = queue.connect("unix:///nowhere/valkey.sock")
    endpoint(community_id)
    record(community_id)
    assert count(Delivery) == 1


def test_endpoints_of_another_community_hear_nothing(community_id: str) -> None:
    other = ids.new_guid()
    with db.transaction() as session:
        session.add(Community(id=other, app_id="app_2", public_key="pk_2", name="Other", created_at=1))
    endpoint(other)
    record(community_id)
    assert count(Delivery) == 0


def test_a_ping_goes_to_one_endpoint_whatever_it_hears(community_id: str) -> None:
    endpoint(community_id)
    id_ = endpoint(community_id, "memberpad", events=["member.left"])
    with db.transaction() as session:
        row = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == id_)).one()
        delivery_id = outbox.record_ping(session, row)
    assert [(one.id, one.endpoint_id, one.origin) for one in deliveries()] == [(delivery_id, id_, "ping")]
    with db.reading() as session:
        body = session.scalars(select(EventBody)).one()
    assert body.name == "ping"
    assert b'"webhookId":"' + id_.encode() in body.body
    assert queue.queue(queue.WEBHOOKS).count == 1


@pytest.mark.database("postgresql")
def test_enabling_an_endpoint_waits_for_who_saw_it_disabled(app: Flask, community_id: str) -> None:
    """Whoever enables it and asks for a replay then has everything replayed that it was not told of."""
    endpoint(community_id, enabled=False)
    with db.transaction() as session:
        outbox.record(session, community_id=community_id, type="member.created", data=ABOUT)
        with db.db.engine.connect() as other:
            other.exec_driver_sql("SET lock_timeout = 100")
            with pytest.raises(Exception, match="lock timeout"):
                other.execute(select(WebhookEndpoint.id).with_for_update())
    assert count(Delivery) == 0


def test_deleting_an_endpoint_waits_for_who_is_about_to_deliver_to_it(app: Flask, community_id: str) -> None:
    """On PostgreSQL the outbox holds the endpoints: the change must not fail for an endpoint that goes."""
    if db.engine_name() == "sqlite":
        pytest.skip("one writer at a time")
    id_ = endpoint(community_id)
    with db.transaction() as session:
        outbox.record(session, community_id=community_id, type="member.created", data=ABOUT)
        with db.db.engine.connect() as other:
            other.exec_driver_sql("SET lock_timeout = 100")
            with pytest.raises(Exception, match="lock timeout"):
                other.exec_driver_sql(f"DELETE FROM webhook_endpoint WHERE id = '{id_}'")  # noqa: S608  # our own id
            other.rollback()
            other.exec_driver_sql("SET lock_timeout = 100")
            other.execute(update(WebhookEndpoint).values(failing_since=1))  # the engine's notes go on
            other.commit()
    assert count(Delivery) == 1
