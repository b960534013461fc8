"""Webhooks over the Admin API."""

from typing import Any, cast

from flask import current_app

from msidp.api import Data, Deleted, Page, PageQuery, answers, api, given, page_json, paginate
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.outbound.urls import OutboundPolicy
from msidp.webhooks import answer_schemas, schemas, service, throttle
from msidp.webhooks.models import WebhookEndpoint
from msidp.webhooks.views import delivery_with_attempts_json, webhook_json

bp = AdminBlueprint("webhooks", __name__)
TAGS = ["webhooks"]


@bp.post("/webhooks")
@api.validate(resp=answers(Data[answer_schemas.WebhookWithSecret], 409, 429), tags=TAGS)
def create_webhook(json: schemas.WebhookInput) -> dict[str, Any]:
    """Register a webhook. Its secret is in this answer and in no later one.

    It is a new one unless yours is given.

    409 `too-many-webhooks` where the community has 25; 422 `invalid-url` for an address that may not be
    called, `unknown-event-type` for an event that is none of the dialect's.
    """
    throttle.count(caller().community_id, "register")
    with transaction() as session:
        endpoint, secret = service.create_endpoint(
            session, caller().community_id, _policy(), **json.model_dump()
        )
        audit.record(session, key_holder(), "webhook.created", endpoint.id)
        return {"data": {**webhook_json(endpoint), "secret": secret}}


@bp.get("/webhooks")
@api.validate(resp=answers(Page[answer_schemas.Webhook]), tags=TAGS)
def list_webhooks(query: PageQuery) -> dict[str, Any]:
    """List the webhooks, oldest first unless `order` says otherwise."""
    with reading() as session:
        mine = [WebhookEndpoint.community_id == caller().community_id, *service.shown()]
        rows, frame = paginate(session, WebhookEndpoint, mine, query)
        return page_json(rows, frame, webhook_json)


@bp.get("/webhooks/<webhook_id>")
@api.validate(resp=answers(Data[answer_schemas.Webhook], 404), tags=TAGS)
def retrieve_webhook(webhook_id: str) -> dict[str, Any]:
    """Retrieve a webhook."""
    with reading() as session:
        return {"data": webhook_json(service.get_endpoint(session, caller().community_id, webhook_id))}


@bp.patch("/webhooks/<webhook_id>")
@api.validate(resp=answers(Data[answer_schemas.Webhook], 404, 429), tags=TAGS)
def update_webhook(webhook_id: str, json: schemas.WebhookChanges) -> dict[str, Any]:
    """Change a webhook.

    Only the fields given change; `events` and `headers` are replaced. A new dialect needs events that are
    its own. `enabled: false` cancels every open delivery; `true` lets it hear what happens from then on.
    """
    changes = cast("service.EndpointChanges", given(json))
    if "url" in changes:
        throttle.count(caller().community_id, "register")
    with transaction() as session:
        endpoint = service.lock_endpoint(session, caller().community_id, webhook_id)
        service.update_endpoint(session, endpoint, changes, _policy())
        audit.record(session, key_holder(), "webhook.updated", webhook_id, {"fields": sorted(changes)})
        return {"data": webhook_json(endpoint)}


@bp.delete("/webhooks/<webhook_id>")
@api.validate(resp=answers(Data[Deleted], 404), tags=TAGS)
def delete_webhook(webhook_id: str) -> dict[str, Any]:
    """Remove a webhook. Its open deliveries are canceled; what is known of them can still be retrieved."""
    with transaction() as session:
        service.delete_endpoint(session, service.lock_endpoint(session, caller().community_id, webhook_id))
        audit.record(session, key_holder(), "webhook.deleted", webhook_id)
    return {"data": {"id": webhook_id}}


@bp.post("/webhooks/<webhook_id>/rotate-secret")
@api.validate(resp=answers(Data[answer_schemas.WebhookWithSecret], 404), tags=TAGS)
def rotate_secret(webhook_id: str) -> dict[str, Any]:
    """Give a webhook a new secret, shown in this answer alone.

    For 24 hours `webhook-signature` carries a signature of the old one too; `svix-signature` and
    `X-MemberPad-Signature` are the new one's at once.
    """
    with transaction() as session:
        endpoint = service.lock_endpoint(session, caller().community_id, webhook_id)
        secret = service.rotate_secret(session, endpoint)
        audit.record(session, key_holder(), "webhook.secret_rotated", webhook_id)
        return {"data": {**webhook_json(endpoint), "secret": secret}}


@bp.post("/webhooks/<webhook_id>/test")
@api.validate(resp=answers(Data[answer_schemas.DeliveryWithAttempts], 404, 409, 429), tags=TAGS)
def test_webhook(webhook_id: str) -> dict[str, Any]:
    """Send a `ping` to this webhook alone, whatever it subscribes to. The answer is its delivery.

    409 `webhook-disabled` where it is disabled.
    """
    throttle.count(caller().community_id, "test")
    with transaction() as session:
        endpoint = service.lock_endpoint(session, caller().community_id, webhook_id)
        delivery = service.test_endpoint(session, endpoint)
        audit.record(session, key_holder(), "webhook.tested", webhook_id)
        return {"data": delivery_with_attempts_json(delivery)}


@bp.post("/webhooks/<webhook_id>/examples")
@api.validate(resp=answers(Data[answer_schemas.DeliveryWithAttempts], 404, 409, 429), tags=TAGS)
def send_example(webhook_id: str, json: schemas.ExampleInput) -> dict[str, Any]:
    """Send the example of an event type to this webhook alone, whatever it subscribes to.

    The body is the type's example (`GET /event-types`) in the webhook's dialect, with `test: true` beside its
    other properties. The answer is its delivery. 409 `webhook-disabled`; 422 `unknown-event-type` for a
    name that is none of the dialect's, `no-example` for a type of your own that has none.
    """
    throttle.count(caller().community_id, "test")
    with transaction() as session:
        endpoint = service.lock_endpoint(session, caller().community_id, webhook_id)
        delivery = service.send_example(session, endpoint, json.event)
        audit.record(session, key_holder(), "webhook.tested", webhook_id, {"event": json.event})
        return {"data": delivery_with_attempts_json(delivery)}


def _policy() -> OutboundPolicy:
    """What the operator allows of the addresses that are called."""
    return OutboundPolicy.of(current_app.extensions["msidp_settings"])
