"""The event catalogue: every type with its examples, sent on request; types of the community's own."""

from typing import Any

from flask import request
from sqlalchemy import select
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.dashboard.events import known_types
from msidp.dashboard.frame import HOME, actor, again, bp, done, needs, operator, page
from msidp.dashboard.input import checked, confirmed, json_of, pretty
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.webhooks import catalogue, event_types, schemas, service, throttle
from msidp.webhooks.models import WebhookEndpoint

PATH = f"{HOME}/event-types"
SCHEMA = {"type": "object", "properties": {"orderId": {"type": "string"}}, "required": ["orderId"]}


@bp.get("/event-types")
def show_event_types() -> Response:
    """Every type, with its schema and an example in each dialect."""
    return _catalogue()


@bp.get("/event-types/new")
@needs("admin")
def new_event_type() -> Response:
    """The form for a type, which begins with one that works."""
    values = {"schema": pretty(SCHEMA), "example": pretty({"orderId": "order_1001"})}
    return page("event_type", event_type=None, values=values)


@bp.post("/event-types")
def create_event_type() -> Response:
    """Register a type of the community's own."""
    try:
        body = checked(schemas.EventTypeInput, {"name": request.form.get("name", "").strip(), **_sent()})
        with transaction() as session:
            made = event_types.create(
                session,
                operator().community_id,
                name=body.name,
                description=body.description,
                schema=body.data_schema,
                example=body.example,
            )
            audit.record(session, actor(), "event_type.created", made.id, {"name": made.name})
    except Problem as problem:
        return page("event_type", event_type=None, values=request.form, problem=problem)
    return done(f"{body.name} can be published, and standard webhooks hear it.", f"{PATH}/{body.name}")


@bp.get("/event-types/<event_type>")
def show_event_type(event_type: str) -> Response:
    """A type of the community's own, to change."""
    return _page(event_type)


@bp.post("/event-types/<event_type>")
def change_event_type(event_type: str) -> Response:
    """Change a type. Events that were published stay as they are."""
    try:
        body = checked(schemas.EventTypeChanges, _sent())
        changes: event_types.TypeChanges = {
            "description": body.description,
            "schema": body.data_schema,
            "example": body.example,
        }
        with transaction() as session:
            found = event_types.get(session, operator().community_id, event_type, lock=True)
            event_types.update(session, found, changes)
            details = {"name": found.name, "fields": sorted(changes)}
            audit.record(session, actor(), "event_type.updated", found.id, details)
    except Problem as problem:
        return again(problem, _page, event_type, values=request.form)
    return done("Saved.", f"{PATH}/{event_type}")


@bp.post("/event-types/<event_type>/delete")
def delete_event_type(event_type: str) -> Response:
    """Remove a type, once its name was typed."""
    try:
        with transaction() as session:
            found = event_types.get(session, operator().community_id, event_type, lock=True)
            confirmed(request.form, found.name)
            event_types.delete(session, found)
            audit.record(session, actor(), "event_type.deleted", found.id, {"name": found.name})
    except Problem as problem:
        return again(problem, _page, event_type)
    return done("The event type is deleted.", PATH)


@bp.post("/event-types/<event_type>/send-example")
def send_event_example(event_type: str) -> Response:
    """Send the type's example to one webhook, and show its delivery."""
    webhook_id = request.form.get("webhook", "")
    try:
        throttle.count(operator().community_id, "test")
        with transaction() as session:
            endpoint = service.lock_endpoint(session, operator().community_id, webhook_id)
            is_plan = event_type == catalogue.PLAN_CREATED and endpoint.dialect == catalogue.MEMBERSTACK
            name = endpoint.plan_event if is_plan else event_type
            delivery = service.send_example(session, endpoint, name)
            audit.record(session, actor(), "webhook.tested", webhook_id, {"event": name})
            path = f"{HOME}/deliveries/{delivery.id}"
    except Problem as problem:
        return again(problem, _catalogue)
    return done(f"The example of {event_type} is on its way, as a test event.", path)


def _sent() -> dict[str, Any]:
    """The form as the Admin API would be sent it. Raises Invalid for what is no JSON."""
    return {
        "description": request.form.get("description", "").strip(),
        "schema": json_of(request.form, "schema", {}),
        "example": json_of(request.form, "example", None),
    }


def _catalogue(**context: Any) -> Response:
    mine = select(WebhookEndpoint).where(
        WebhookEndpoint.community_id == operator().community_id,
        WebhookEndpoint.enabled,
        *service.shown(),
    )
    with reading() as session:
        types = known_types(session)
        endpoints = list(session.scalars(mine.order_by(WebhookEndpoint.seq)))
    return page("event_types", types=types, endpoints=endpoints, pretty=pretty, **context)


def _page(name: str, **context: Any) -> Response:
    with reading() as session:
        found = event_types.get(session, operator().community_id, name)
    values = {
        "description": found.description,
        "schema": pretty(found.schema),
        "example": "" if found.example is None else pretty(found.example),
    }
    return page("event_type", **{"event_type": found.name, "values": values, **context})
