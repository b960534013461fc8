"""Deliveries over the Admin API: the log, retries by hand, replays."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from msidp import exports
from msidp.api import Data, Lines, Page, PageQuery, answers, api, page_json, paginate
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.webhooks import answer_schemas, log, replays, schemas, service
from msidp.webhooks.models import Replay
from msidp.webhooks.views import EXPORT, delivery_json, delivery_with_attempts_json, replay_json

bp = AdminBlueprint("deliveries", __name__)
TAGS = ["deliveries"]


@bp.get("/webhooks/<webhook_id>/deliveries")
@api.validate(resp=answers(Page[answer_schemas.Delivery], 404), tags=["webhooks"])
def list_webhook_deliveries(webhook_id: str, query: schemas.DeliveryQuery) -> dict[str, Any]:
    """List the deliveries to a webhook, oldest first unless `order` says otherwise."""
    with reading() as session:
        service.get_endpoint(session, caller().community_id, webhook_id)
        return page_to(session, query, webhook_id)


@bp.get("/deliveries")
@api.validate(resp=answers(Page[answer_schemas.Delivery]), tags=TAGS)
def list_deliveries(query: schemas.AllDeliveriesQuery) -> dict[str, Any]:
    """List the deliveries to all webhooks, removed ones too, oldest first unless `order` says otherwise."""
    with reading() as session:
        return page_to(session, query, query.webhook)


def page_to(session: Session, query: schemas.DeliveryQuery, webhook_id: str | None) -> dict[str, Any]:
    """The body of a list of deliveries: to one endpoint, or to all."""
    rows, frame = log.page(session, caller().community_id, query, _wanted(query, webhook_id))
    return page_json(rows, frame, delivery_json)


def _wanted(query: schemas.DeliveryFilter, webhook_id: str | None) -> log.Wanted:
    return log.Wanted(
        endpoint_id=webhook_id,
        status=query.status,
        type=query.type,
        since=query.since,
        until=query.until,
        event_id=query.event,
        member_id=query.member,
    )


@bp.get("/deliveries/export")
@api.validate(resp=answers(Lines), tags=TAGS)
def export_deliveries(query: schemas.DeliveryExportQuery) -> Response:
    """Export the log of deliveries, oldest first, without their attempts."""
    community_id = caller().community_id
    with transaction() as session:
        audit.record(session, key_holder(), "deliveries.exported", None, {"format": query.format})
        wanted = log.conditions(session, community_id, _wanted(query, query.webhook))
    return exports.answer(EXPORT, wanted, query.format)


@bp.get("/deliveries/<delivery_id>")
@api.validate(resp=answers(Data[answer_schemas.DeliveryWithAttempts], 404), tags=TAGS)
def retrieve_delivery(delivery_id: str) -> dict[str, Any]:
    """Retrieve a delivery with every attempt: what was sent, what came back."""
    with reading() as session:
        delivery = service.get_delivery(session, caller().community_id, delivery_id)
        return {"data": delivery_with_attempts_json(delivery)}


@bp.post("/deliveries/<delivery_id>/retry")
@api.validate(resp=answers(Data[answer_schemas.DeliveryWithAttempts], 404, 409), tags=TAGS)
def retry_delivery(delivery_id: str) -> dict[str, Any]:
    """Attempt a failed or exhausted delivery once more, now: the same ids, and the schedule as it stands.

    409 `not-retriable` for a delivery in another state or one that is just being attempted,
    `webhook-disabled` where its webhook is disabled or deleted, `event-expunged` where the member it told
    of was deleted.
    """
    with transaction() as session:
        delivery = service.retry_delivery(session, caller().community_id, delivery_id)
        audit.record(session, key_holder(), "delivery.retried", delivery_id)
        return {"data": delivery_with_attempts_json(delivery)}


@bp.post("/webhooks/<webhook_id>/replay")
@api.validate(resp=answers(Data[answer_schemas.Replay], 404, 409), tags=TAGS)
def replay_events(webhook_id: str, json: schemas.ReplayInput) -> dict[str, Any]:
    """Deliver the events of a span of time to this webhook once more, as it subscribes now.

    It is done in the background: `GET /replays/{id}` tells how far it got. Every delivery is a new one, with
    the event's own `webhook-id`. Test pings and expunged events are left out.

    409 `replay-under-way` while another of this webhook is running, `webhook-disabled`; 422
    `unknown-event-type`.
    """
    with transaction() as session:
        endpoint = service.lock_endpoint(session, caller().community_id, webhook_id)
        replay = replays.create(session, endpoint, **json.model_dump())
        audit.record(session, key_holder(), "webhook.replayed", webhook_id, {"replayId": replay.id})
        return {"data": replay_json(replay, 0)}


@bp.get("/webhooks/<webhook_id>/replays")
@api.validate(resp=answers(Page[answer_schemas.Replay], 404), tags=TAGS)
def list_replays(webhook_id: str, query: PageQuery) -> dict[str, Any]:
    """List the replays to a webhook, oldest first unless `order` says otherwise."""
    with reading() as session:
        endpoint = service.get_endpoint(session, caller().community_id, webhook_id)
        rows, frame = paginate(session, Replay, [Replay.endpoint_id == endpoint.id], query)
        return page_json(rows, frame, lambda row: replay_json(row, replays.open_deliveries(session, row)))


@bp.get("/replays/<replay_id>")
@api.validate(resp=answers(Data[answer_schemas.Replay], 404), tags=TAGS)
def retrieve_replay(replay_id: str) -> dict[str, Any]:
    """Retrieve a replay: how far it got, what it made, what of that is still open."""
    with reading() as session:
        replay = replays.get(session, caller().community_id, replay_id)
        return {"data": replay_json(replay, replays.open_deliveries(session, replay))}


@bp.post("/replays/<replay_id>/cancel")
@api.validate(resp=answers(Data[answer_schemas.Replay], 404, 409), tags=TAGS)
def cancel_replay(replay_id: str) -> dict[str, Any]:
    """Make no more deliveries, and cancel those of this replay that are open.

    409 `replay-finished` where all of its deliveries are settled.
    """
    with transaction() as session:
        replay = replays.get(session, caller().community_id, replay_id, lock=True)
        replays.cancel(session, replay)
        audit.record(session, key_holder(), "replay.canceled", replay_id)
        return {"data": replay_json(replay, 0)}
