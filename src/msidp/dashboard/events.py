"""Events: the log of what happened."""

from typing import Any

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.dashboard.frame import bp, operator, page
from msidp.dashboard.listing import listing
from msidp.db import reading
from msidp.webhooks import catalogue
from msidp.webhooks.models import CustomEventType, Event
from msidp.webhooks.views import event_type_json


@bp.get("/events")
def events() -> Response:
    """What happened, newest first; `type` narrows it."""
    mine = [Event.community_id == operator().community_id, Event.type != catalogue.LOGOUT]
    keep = {"type": type_} if (type_ := request.args.get("type", "").strip()[:100]) else {}
    if keep:
        mine.append(Event.type == keep["type"])
    with reading() as session:
        found = listing(session, Event, mine)
        types = [type_["name"] for type_ in known_types(session)]
    return page("events", found=found, keep=keep, types=types)


def known_types(session: Session) -> list[dict[str, Any]]:
    """Every event type, msidp's own first."""
    own = select(CustomEventType).where(CustomEventType.community_id == operator().community_id)
    custom = session.scalars(own.order_by(CustomEventType.name))
    return [event_type_json(each) for each in (*catalogue.TYPES.values(), *custom)]
