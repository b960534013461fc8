"""The work of replays: slices of events (see `jobs.slices`).

A slice makes its deliveries and moves the replay's cursor in one commit. A delivery is unique by event,
endpoint and replay: nothing is made twice.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, exists, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from msidp import clock, ids, queue
from msidp.db import after_commit
from msidp.jobs.slices import Work
from msidp.webhooks import replays
from msidp.webhooks.catalogue import PING
from msidp.webhooks.dialects import Happening, hear
from msidp.webhooks.models import Delivery, Event, EventBody, Replay, WebhookEndpoint

SLICE = 500  # events looked at in one transaction
DISABLED = "The webhook was disabled or deleted."


class _Told(NamedTuple):
    """How the endpoint's dialect tells of an event; without a body where that is in the table already."""

    event_id: str
    name: str
    body: bytes | None


def _is_wanted(session: Session) -> bool:
    return session.scalar(select(Replay.seq).where(Replay.state == "running").limit(1)) is not None


def _advance_one(session: Session) -> None:
    """One slice of the replay that is furthest behind and in nobody's hands."""
    running = select(Replay).where(Replay.state == "running").order_by(Replay.examined, Replay.seq).limit(1)
    replay = session.scalar(running.with_for_update(skip_locked=True))
    if replay is None:
        return
    endpoint = session.scalar(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.id == replay.endpoint_id)
        .with_for_update(read=True, key_share=True)
    )
    if endpoint is None or not endpoint.enabled:
        replays.finish(replay, "canceled", DISABLED)
        return
    found = _next_events(session, replay, endpoint)
    replay.created += _deliver(session, replay, endpoint, _hearing(replay, endpoint, found))
    replay.examined += len(found)
    if found:
        replay.cursor = found[-1].id
    if len(found) < SLICE:
        replays.finish(replay, "completed")


def _next_events(session: Session, replay: Replay, endpoint: WebhookEndpoint) -> list[Row[Any]]:
    """The events after the cursor, held against being expunged, each with its body's name if it has one.

    Whose they are is looked at later: asked for that too, SQLite would go by the community's index and sort
    all of them for each slice.
    """
    body = (EventBody.event_id == Event.id) & (EventBody.dialect == endpoint.voice)
    wanted = exists().where(
        Delivery.event_id == Event.id,
        Delivery.endpoint_id == endpoint.id,
        Delivery.status == replay.status,
        Delivery.origin != PING,
    )
    statement = (
        select(
            Event.id,
            Event.type,
            Event.occurred_at,
            Event.community_id,
            Event.data,
            Event.expunged_at,
            EventBody.name.label("told"),
            (true() if replay.status is None else wanted).label("wanted"),
        )
        .outerjoin(EventBody, body)
        .where(Event.id > replay.cursor, Event.id < ids.first_id("evt", replay.until + 1))
        .order_by(Event.id)
        .limit(SLICE)
        .with_for_update(read=True, of=Event)
    )
    return list(session.execute(statement).all())


def _hearing(replay: Replay, endpoint: WebhookEndpoint, found: list[Row[Any]]) -> list[_Told]:
    """What of these events the endpoint hears, as it subscribes and speaks now."""
    told = []
    for event in found:
        if event.community_id != replay.community_id:
            continue
        if event.expunged_at is not None or event.type == PING or not event.wanted:
            continue
        heard = _tell(event, endpoint)
        if heard is None or (endpoint.events and heard.name not in endpoint.events):
            continue
        if replay.type is None or heard.name == replay.type:
            told.append(heard)
    return told


def _tell(event: Row[Any], endpoint: WebhookEndpoint) -> _Told | None:
    if event.told is not None:
        return _Told(event.id, event.told, None)
    happening = Happening(event.type, event.occurred_at, endpoint.community_id, event.data)
    heard = hear(endpoint.voice, happening)
    return None if heard is None else _Told(event.id, *heard)


def _deliver(session: Session, replay: Replay, endpoint: WebhookEndpoint, told: list[_Told]) -> int:
    """Make the deliveries, and the bodies that are missing. How many."""
    if not told:
        return 0
    connection = session.connection()
    bodies = [
        {"event_id": each.event_id, "dialect": endpoint.voice, "name": each.name, "body": each.body}
        for each in told
        if each.body is not None
    ]
    if bodies:
        connection.execute(_insert_missing(connection, EventBody), bodies)
    now = clock.now()
    made = [
        {
            "id": ids.new_guid(),
            "community_id": replay.community_id,
            "event_id": each.event_id,
            "endpoint_id": endpoint.id,
            "dialect": endpoint.voice,
            "origin": replay.id,
            "due_at": now,
            "created_at": now,
        }
        for each in told
    ]
    connection.execute(_insert_missing(connection, Delivery), made)
    after_commit(session, "webhooks", queue.ring)
    return len(made)


def _insert_missing(connection: Connection, model: Any) -> Any:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return insert(model).on_conflict_do_nothing()


WORK = Work("replays", _is_wanted, _advance_one)
