"""The delivery log, across a community's endpoints: filters, and the indexes that answer them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session, joinedload

from msidp.api import PageQuery, paginate
from msidp.statements import aside, seq_after, seq_before
from msidp.webhooks import claim
from msidp.webhooks.models import Delivery, Event, EventBody, WebhookEndpoint

Conditions = list[ColumnElement[bool]]
_RECORDED_AS = {
    "member.joined": "member.created",
    "member.left": "member.deleted",
    "member.plan.added": "member.plan.created",
    "subscription.created": "member.plan.created",
    "subscription.cancelled": "member.plan.canceled",
    "subscription.renewed": "member.plan.updated",
    "subscription.plan_changed": "member.plan.updated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of the log is looked for.

    `type` is what an endpoint's dialect calls the event; `since` and `until` bound the moment at which the
    delivery was made; `member_id` is whom the event is about.
    """

    endpoint_id: str | None = None
    status: str | None = None
    type: str | None = None
    since: int | None = None
    until: int | None = None
    delivery_id: str | None = None
    event_id: str | None = None
    member_id: str | None = None

    def names_events(self) -> bool:
        """Whether it is found by what is named, of which there is little."""
        return any(name is not None for name in (self.delivery_id, self.event_id, self.member_id))


def page(
    session: Session, community_id: str, query: PageQuery, wanted: Wanted
) -> tuple[list[Delivery], dict[str, Any]]:
    """One page of deliveries, and what frames it (see `api.paginate`)."""
    found = conditions(session, community_id, wanted)
    name = joinedload(Delivery.message, innerjoin=True).load_only(EventBody.name)
    counted = None if wanted.names_events() else [_by_endpoint(community_id, wanted.endpoint_id), *found[1:]]
    return paginate(session, Delivery, found, query, [name], count_by=counted)


def conditions(session: Session, community_id: str, wanted: Wanted) -> Conditions:
    """What page() looks for, in the form that the indexes answer in order of `seq`; whose they are first."""
    # What is rare is found endpoint by endpoint; what is common is met soon in the order of the rows.
    rare = wanted.endpoint_id is not None or wanted.status not in (None, "succeeded")
    by_endpoint = rare and not wanted.names_events()
    mine = _by_endpoint(community_id, wanted.endpoint_id) if by_endpoint else _of(community_id, wanted)
    found = [
        mine,
        *_made_between(session, wanted.since, wanted.until),
        *_of_type(community_id, wanted.type),
        *_named(community_id, wanted),
    ]
    if wanted.status is not None:
        found.append(Delivery.status == wanted.status)
    return found


def lag(session: Session, now: int) -> int:
    """For how many milliseconds the oldest due delivery has waited."""
    oldest = claim.next_due(session)
    return 0 if oldest is None else max(0, now - oldest)


def _by_endpoint(community_id: str, endpoint_id: str | None) -> ColumnElement[bool]:
    """In a form that the indexes of the log begin with."""
    if endpoint_id is not None:
        return Delivery.endpoint_id == endpoint_id
    mine = select(WebhookEndpoint.id).where(WebhookEndpoint.community_id == community_id)
    return Delivery.endpoint_id.in_(mine)


def _of(community_id: str, wanted: Wanted) -> ColumnElement[bool]:
    mine = Delivery.community_id == community_id
    if wanted.endpoint_id is None:
        return mine
    return and_(mine, aside(Delivery.endpoint_id) == wanted.endpoint_id)


def _named(community_id: str, wanted: Wanted) -> Conditions:
    found: Conditions = []
    if wanted.delivery_id is not None:
        found.append(Delivery.id == wanted.delivery_id)
    if wanted.event_id is not None:
        found.append(Delivery.event_id == wanted.event_id)
    if wanted.member_id is not None:
        theirs = Event.community_id == community_id, Event.member_id == wanted.member_id
        found.append(Delivery.event_id.in_(select(Event.id).where(*theirs)))
    return found


def _made_between(session: Session, since: int | None, until: int | None) -> Conditions:
    found: Conditions = []
    if since is not None:
        found.append(Delivery.seq >= seq_before(session, Delivery.seq, Delivery.created_at, since))
        found.append(Delivery.created_at >= since)
    if until is not None:
        end = seq_after(session, Delivery.seq, Delivery.created_at, until)
        found += [Delivery.seq <= end, Delivery.created_at <= until]
    return found


def _of_type(community_id: str, name: str | None) -> Sequence[ColumnElement[bool]]:
    if name is None:
        return ()
    events = select(Event.id).where(
        Event.community_id == community_id, Event.type.in_({name, _RECORDED_AS.get(name, name)})
    )
    told = EventBody.event_id == Delivery.event_id, EventBody.dialect == Delivery.dialect
    return (
        Delivery.event_id.in_(events),
        select(EventBody.event_id).where(*told, EventBody.name == name).exists(),
    )
