"""Event types over the Admin API: those of msidp, and those a community registers for itself."""

from typing import Any, cast

from msidp.api import Data, Deleted, Page, PageQuery, answers, api, given
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.webhooks import answer_schemas, catalogue, event_types, schemas
from msidp.webhooks.models import CustomEventType
from msidp.webhooks.views import event_type_json

bp = AdminBlueprint("event_types", __name__)
TAGS = ["events"]


@bp.get("/event-types")
@api.validate(resp=answers(Page[answer_schemas.EventType]), tags=TAGS)
def list_event_types(query: PageQuery) -> dict[str, Any]:
    """List the event types: every name a webhook can subscribe to, and which dialects know it.

    msidp's own come first, then those that the community registered.
    """
    with reading() as session:
        mine = event_types.listed(session, caller().community_id)
        numbered: list[tuple[int, catalogue.EventType | CustomEventType]] = [
            *enumerate(catalogue.TYPES.values(), start=1),
            *((len(catalogue.TYPES) + each.seq, each) for each in mine),
        ]
        total = len(numbered)
        if query.order == "DESC":
            numbered.reverse()
        after = query.after
        if after is not None:
            numbered = [
                each for each in numbered if (each[0] > after if query.order == "ASC" else each[0] < after)
            ]
        page = numbered[: query.size]
        return {
            "totalCount": total,
            "endCursor": page[-1][0] if page else after or 0,
            "hasNextPage": len(numbered) > len(page),
            "data": [event_type_json(event_type) for _, event_type in page],
        }


@bp.post("/event-types")
@api.validate(resp=answers(Data[answer_schemas.EventType], 409), tags=TAGS)
def create_event_type(json: schemas.EventTypeInput) -> dict[str, Any]:
    """Register an event type of your own, which `POST /events` then takes and standard webhooks hear.

    409 `event-type-exists`, `too-many-event-types`; 422 `reserved-event-type` for `member.*` and
    `subscription.*`, `invalid-schema`, `invalid` where the example does not fit the schema.
    """
    with transaction() as session:
        made = event_types.create(
            session,
            caller().community_id,
            name=json.name,
            description=json.description,
            schema=json.data_schema,
            example=json.example,
        )
        audit.record(session, key_holder(), "event_type.created", made.id, {"name": made.name})
        return {"data": event_type_json(made)}


@bp.get("/event-types/<event_type>")
@api.validate(resp=answers(Data[answer_schemas.EventType], 404), tags=TAGS)
def retrieve_event_type(event_type: str) -> dict[str, Any]:
    """Retrieve an event type by its name."""
    with reading() as session:
        return {"data": event_type_json(event_types.find(session, caller().community_id, event_type))}


@bp.patch("/event-types/<event_type>")
@api.validate(resp=answers(Data[answer_schemas.EventType], 404), tags=TAGS)
def update_event_type(event_type: str, json: schemas.EventTypeChanges) -> dict[str, Any]:
    """Change an event type of your own. Events that were published stay as they are.

    422 `reserved-event-type` for one of msidp's own, `invalid-schema`, `invalid`.
    """
    changes = {"schema" if field == "data_schema" else field: value for field, value in given(json).items()}
    with transaction() as session:
        found = event_types.get(session, caller().community_id, event_type, lock=True)
        event_types.update(session, found, cast("event_types.TypeChanges", changes))
        details = {"name": found.name, "fields": sorted(changes)}
        audit.record(session, key_holder(), "event_type.updated", found.id, details)
        return {"data": event_type_json(found)}


@bp.delete("/event-types/<event_type>")
@api.validate(resp=answers(Data[Deleted], 404, 409), tags=TAGS)
def delete_event_type(event_type: str) -> dict[str, Any]:
    """Remove an event type of your own.

    409 `event-type-in-use` while a webhook names it among its events.
    """
    with transaction() as session:
        found = event_types.get(session, caller().community_id, event_type, lock=True)
        event_types.delete(session, found)
        audit.record(session, key_holder(), "event_type.deleted", found.id, {"name": found.name})
        return {"data": {"id": found.id}}
