"""Events and their types over the Admin API."""

from typing import Any

from msidp.api import Data, Page, PageQuery, answers, api, page_json, paginate
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.webhooks import catalogue, publishing, schemas
from msidp.webhooks.models import Event
from msidp.webhooks.views import event_json, event_type_json

bp = AdminBlueprint("events", __name__)
TAGS = ["events"]


@bp.post("/events")
@api.validate(resp=answers(Data[schemas.Event]), tags=TAGS)
def publish_event(json: schemas.EventInput) -> dict[str, Any]:
    """Publish an event of your own application; every subscribed webhook hears of it.

    422: `unknown-event-type`, `reserved-event-type` for one that msidp raises itself, `invalid` where the
    data does not fit the type's schema.
    """
    with transaction() as session:
        event_id = publishing.publish(session, caller().community_id, json.event, json.data, json.timestamp)
        return {"data": event_json(publishing.get_event(session, event_id))}


@bp.get("/events")
@api.validate(resp=answers(Page[schemas.Event]), tags=TAGS)
def list_events(query: schemas.EventQuery) -> dict[str, Any]:
    """List what happened, in the order in which it was recorded."""
    wanted = [Event.community_id == caller().community_id]
    if query.type is not None:
        wanted.append(Event.type == query.type)
    if query.since is not None:
        wanted.append(Event.occurred_at >= query.since)
    with reading() as session:
        rows, frame = paginate(session, Event, wanted, query)
        return page_json(rows, frame, event_json)


@bp.get("/event-types")
@api.validate(resp=answers(Page[schemas.EventType]), tags=TAGS)
def list_event_types(query: PageQuery) -> dict[str, Any]:
    """List the event types: every name a webhook can subscribe to, and which dialects know it."""
    numbered = list(enumerate(catalogue.TYPES.values(), start=1))
    if query.order == "DESC":
        numbered.reverse()
    after = query.after
    if after is not None:
        numbered = [
            each for each in numbered if (each[0] > after if query.order == "ASC" else each[0] < after)
        ]
    page = numbered[: query.size]
    return {
        "totalCount": len(catalogue.TYPES),
        "endCursor": page[-1][0] if page else after or 0,
        "hasNextPage": len(numbered) > len(page),
        "data": [event_type_json(event_type) for _, event_type in page],
    }
