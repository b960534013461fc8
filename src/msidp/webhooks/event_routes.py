"""Events over the Admin API: published, and listed."""

from typing import Any

from msidp.api import Data, Page, answers, api, page_json, paginate
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.webhooks import answer_schemas, publishing, schemas
from msidp.webhooks.catalogue import LOGOUT
from msidp.webhooks.models import Event
from msidp.webhooks.views import event_json

bp = AdminBlueprint("events", __name__)
TAGS = ["events"]


@bp.post("/events")
@api.validate(resp=answers(Data[answer_schemas.Event]), tags=TAGS)
def publish_event(json: schemas.EventInput) -> dict[str, Any]:
    """Publish an event of your own application; every subscribed webhook hears of it.

    422: `unknown-event-type`, `reserved-event-type` for one that msidp raises itself, `invalid` where the
    data does not fit the type's schema.
    """
    with transaction() as session:
        event_id = publishing.publish(session, caller().community_id, json.event, json.data, json.timestamp)
        return {"data": event_json(publishing.get_event(session, event_id))}


@bp.get("/events")
@api.validate(resp=answers(Page[answer_schemas.Event]), tags=TAGS)
def list_events(query: schemas.EventQuery) -> dict[str, Any]:
    """List what happened, in the order in which it was recorded."""
    wanted = [Event.community_id == caller().community_id, Event.type != LOGOUT]
    if query.type is not None:
        wanted.append(Event.type == query.type)
    if query.since is not None:
        wanted.append(Event.occurred_at >= query.since)
    if query.until is not None:
        wanted.append(Event.occurred_at <= query.until)
    if query.member is not None:
        wanted.append(Event.member_id == query.member)
    with reading() as session:
        rows, frame = paginate(session, Event, wanted, query)
        return page_json(rows, frame, event_json)
