"""The outbox: an event and its deliveries join the transaction of the change that caused them."""

from typing import Any

from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.webhooks.models import Event


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

    `type` is one of `catalogue.TYPES` or a registered custom type. `data` of the member types is
    `{member, displayName, planName, reason?, role?, previousRole?, planConnection?, prevPlanConnection?,
    renewed?}`, where `member` and the connections have Memberstack's shapes and `renewed` tells of a
    member.plan.updated whether the member goes on with the same plan; each dialect takes what it needs.
    Other types carry what was published. Returns the event's id.
    """
    now = clock.now()
    event = Event(
        id=ids.new_id("evt"),
        community_id=community_id,
        type=type,
        occurred_at=now if occurred_at is None else occurred_at,
        member_id=member_id,
        data=data,
        created_at=now,
    )
    session.add(event)
    return event.id
