"""Events: the log of what happened."""

from collections.abc import Mapping
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.dashboard.frame import bp, operator, page
from msidp.dashboard.listing import listing
from msidp.dashboard.seeking import sought_by
from msidp.db import reading
from msidp.statements import aside, seq_after, seq_before
from msidp.webhooks import catalogue
from msidp.webhooks.models import CustomEventType, Event
from msidp.webhooks.views import event_type_json


@bp.get("/events")
def events() -> Response:
    """What happened, newest first; `type`, `from`, `until` and `q` narrow it."""
    keep = {"type": type_} if (type_ := request.args.get("type", "").strip()[:100]) else {}
    with reading() as session:
        asked = sought_by(session, request.args)
        found = listing(session, Event, _conditions(session, keep.get("type"), asked.sought))
        types = [type_["name"] for type_ in known_types(session)]
    return page("events", found=found, keep=keep | asked.keep, types=types)


def _conditions(session: Session, type_: str | None, sought: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """The events that fit; the span is of the moments at which they were recorded."""
    found = [Event.community_id == operator().community_id, Event.type != catalogue.LOGOUT]
    if (since := sought.get("since")) is not None:
        found.append(Event.seq >= seq_before(session, Event.seq, Event.created_at, since))
        found.append(Event.created_at >= since)
    if (until := sought.get("until")) is not None:
        found.append(Event.seq <= seq_after(session, Event.seq, Event.created_at, until))
        found.append(Event.created_at <= until)
    named = sought.keys() & {"event", "delivery", "member"}
    if type_:
        found.append((aside(Event.type) if named else Event.type) == type_)
    if (event_id := sought.get("event") or sought.get("delivery")) is not None:
        found.append(Event.id == event_id)
    if (member_id := sought.get("member")) is not None:
        found.append(Event.member_id == member_id)
    return found


def known_types(session: Session) -> list[dict[str, Any]]:
    """Every event type, msidp's own first."""
    own = select(CustomEventType).where(CustomEventType.community_id == operator().community_id)
    custom = session.scalars(own.order_by(CustomEventType.name))
    return [event_type_json(each) for each in (*catalogue.TYPES.values(), *custom)]
