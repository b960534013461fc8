"""The outbox: an event and its deliveries join the transaction of the change that caused them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from msidp import clock, ids, queue
from msidp.db import after_commit, core_of
from msidp.prepared import Core, Prepared
from msidp.webhooks import schedule
from msidp.webhooks.catalogue import LOGOUT, PING, voice
from msidp.webhooks.dialects import Happening, hear
from msidp.webhooks.lists import insert_many
from msidp.webhooks.models import Delivery, Event, EventBody, WebhookEndpoint

_ENDPOINTS = Prepared(
    select(
        WebhookEndpoint.id,
        WebhookEndpoint.dialect,
        WebhookEndpoint.plan_event,
        WebhookEndpoint.events,
        WebhookEndpoint.enabled,
    )
    .where(
        WebhookEndpoint.community_id == bindparam("community_id"),
        WebhookEndpoint.deleted_at.is_(None),
        WebhookEndpoint.dialect != LOGOUT,
    )
    .order_by(WebhookEndpoint.seq)
    .with_for_update(read=True, key_share=True)
)
_EVENT = Prepared(insert(Event))
_BODY = ("event_id", "dialect", "name", "body")
_DELIVERY = (
    "id", "endpoint_id", "dialect",
    "community_id", "event_id", "origin", "status", "attempt_count", "scheduled_count", "manual", "claims",
    "due_at", "created_at",
)  # fmt: skip


_Told = dict[str, tuple[str, bytes]]
"""By dialect: what it calls an event, and the body that tells of it."""


@dataclass(frozen=True, slots=True)
class _Target:
    """An endpoint, as far as the outbox has to know it. No names: it hears everything."""

    id: str
    dialect: str
    events: Sequence[str] = ()


def record(
    session: Session,
    *,
    community_id: str,
    type: str,  # noqa: A002  # the field's name on the wire and in the table
    data: dict[str, Any],
    member_id: str | None = None,
    occurred_at: int | None = None,
) -> str:
    """Record that something happened; every subscribed endpoint hears of it once the session commits.

    `type` is a name of the standard dialect (`catalogue.names_in`). `data` of the member types is
    `{member, displayName, planName, reason?, role?, previousRole?, planConnection?, prevPlanConnection?,
    renewed?}`, where `member` and the connections have Memberstack's shapes and `renewed` tells of a
    member.plan.updated whether the member goes on with the same plan; each dialect takes what it needs.
    Other types carry what was published. Returns the event's id.

    Four statements at most, however many endpoints there are.
    """
    now = clock.now()
    happening = Happening(type, now if occurred_at is None else occurred_at, community_id, data)
    core = core_of(session)
    event_id = _insert_event(core, happening, member_id, now)
    targets = _enabled(core, community_id)
    _deliver(session, event_id, community_id, _told(happening, targets), targets, "event", now)
    return event_id


def record_ping(session: Session, endpoint: WebhookEndpoint) -> str:
    """Record a test event for this endpoint alone, whatever it subscribes to. Returns the delivery's id."""
    now = clock.now()
    data = {"webhookId": endpoint.id, "name": endpoint.name}
    happening = Happening(PING, now, endpoint.community_id, data)
    event_id = _insert_event(core_of(session), happening, None, now)
    targets = [_Target(endpoint.id, endpoint.voice)]
    told = _told(happening, targets)
    return _deliver(session, event_id, endpoint.community_id, told, targets, PING, now)[0]


def record_example(session: Session, endpoint: WebhookEndpoint, name: str, body: bytes) -> str:
    """Record a test event for this endpoint alone, in this type's words. Returns the delivery's id.

    It is a ping in other clothes: no other endpoint hears of it, now or by a replay.
    """
    now = clock.now()
    data = {"webhookId": endpoint.id, "name": endpoint.name, "example": name}
    ping = Happening(PING, now, endpoint.community_id, data)
    event_id = _insert_event(core_of(session), ping, None, now)
    targets, told = [_Target(endpoint.id, endpoint.voice)], {endpoint.voice: (name, body)}
    return _deliver(session, event_id, endpoint.community_id, told, targets, PING, now)[0]


def _insert_event(core: Core, happening: Happening, member_id: str | None, now: int) -> str:
    event_id = ids.new_id("evt")
    core.run(
        _EVENT,
        {
            "id": event_id,
            "community_id": happening.community_id,
            "type": happening.type,
            "occurred_at": happening.occurred_at,
            "member_id": member_id,
            "data": happening.data,
            "created_at": now,
        },
    )
    return event_id


def _enabled(core: Core, community_id: str) -> list[_Target]:
    """The community's enabled endpoints, held against disabling and deletion until the transaction ends.

    The disabled ones are held too: one is enabled once all that it did not hear of can be replayed to it.
    """
    rows = core.all(_ENDPOINTS, {"community_id": community_id})
    return [
        _Target(id_, voice(dialect, plan_event), events)
        for id_, dialect, plan_event, events, enabled in rows
        if enabled
    ]


def _told(happening: Happening, targets: Sequence[_Target]) -> _Told:
    heard = {dialect: hear(dialect, happening) for dialect in {target.dialect for target in targets}}
    return {dialect: found for dialect, found in heard.items() if found is not None}


def _deliver(
    session: Session,
    event_id: str,
    community_id: str,
    told: _Told,
    targets: Sequence[_Target],
    origin: str,
    now: int,
) -> list[str]:
    """One body a dialect and one delivery for each endpoint that wants to hear of it. Their ids."""
    due_at = schedule.first_due(now)
    shared = (community_id, event_id, origin, "pending", 0, 0, False, 0, due_at, now)
    deliveries = [
        (ids.new_guid(), target.id, target.dialect, *shared)
        for target in targets
        if target.dialect in told and (not target.events or told[target.dialect][0] in target.events)
    ]
    if not deliveries:
        return []
    needed = {dialect for _, _, dialect, *_ in deliveries}
    bodies = [(event_id, dialect, *told[dialect]) for dialect in needed]
    connection = session.connection()
    insert_many(connection, EventBody, _BODY, bodies)
    insert_many(connection, Delivery, _DELIVERY, deliveries)
    after_commit(session, "webhooks", queue.ring)
    return [delivery_id for delivery_id, *_ in deliveries]
