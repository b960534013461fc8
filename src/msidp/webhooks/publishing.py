"""Events that happen in the community's own applications: checked against their type, then recorded."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions
from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp.errors import Invalid
from msidp.webhooks import catalogue, outbox
from msidp.webhooks.models import Event

_MAX_DETAILS = 20


def publish(
    session: Session, community_id: str, name: str, data: dict[str, Any], occurred_at: int | None
) -> str:
    """Record an event of this type for every endpoint that hears it; returns its id.

    Raises Invalid: `unknown-event-type`, `reserved-event-type` for one that msidp raises itself, and
    `invalid` for data that does not fit the type's schema.
    """
    event_type = catalogue.TYPES.get(name)
    if event_type is None:
        raise Invalid("unknown-event-type", f"There is no event type {name[:100]!r} (GET /event-types).")
    if not event_type.published:
        raise Invalid("reserved-event-type", f"{name} is raised by msidp itself and cannot be published.")
    _check_data(event_type, data)
    return outbox.record(
        session,
        community_id=community_id,
        type=name,
        data=data,
        member_id=data.get("memberId"),
        occurred_at=occurred_at,
    )


def get_event(session: Session, event_id: str) -> Event:
    """An event that is known to be there."""
    return session.scalars(select(Event).where(Event.id == event_id)).one()


def _check_data(event_type: catalogue.EventType, data: Mapping[str, Any]) -> None:
    details = []
    for found in _validator(event_type.name).iter_errors(data):
        details.append(
            {"field": ".".join(map(str, ["data", *found.instance_path])), "message": found.message}
        )
        if len(details) == _MAX_DETAILS:
            break
    if details:
        raise Invalid("invalid", f"{details[0]['field']}: {details[0]['message']}", details=details)


@cache
def _validator(name: str) -> Draft202012Validator:
    """Compiled once. Regular expressions run in linear time, nothing is fetched, no value is quoted."""
    return Draft202012Validator(
        catalogue.TYPES[name].schema, mask="the value", pattern_options=RegexOptions(), offline=True
    )
