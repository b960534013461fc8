"""Events that happen in the community's own applications: checked against their type, then recorded."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp.webhooks import event_schemas, event_types, outbox, retention
from msidp.webhooks.models import Event


def publish(
    session: Session, community_id: str, name: str, data: dict[str, Any], occurred_at: int | None
) -> str:
    """Record an event of this type for every endpoint that hears it; returns its id.

    Raises Invalid: `unknown-event-type`, `reserved-event-type` for one that msidp raises itself, and
    `invalid` for data that does not fit the type's schema.
    """
    found = event_types.publishable(session, community_id, name)
    event_schemas.check_data(event_types.MEMBER_ID, data)
    event_schemas.check_data(found.schema, data)
    member_id = data.get("memberId")
    if member_id is not None:
        retention.told_of_member(session, member_id)
    return outbox.record(
        session,
        community_id=community_id,
        type=name,
        data=data,
        member_id=member_id,
        occurred_at=occurred_at,
    )


def get_event(session: Session, event_id: str) -> Event:
    """An event that is known to be there."""
    return session.scalars(select(Event).where(Event.id == event_id)).one()
