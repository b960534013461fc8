"""Webhooks, deliveries and events as the Admin API shows them."""

import json
from typing import Any

from sqlalchemy.orm import joinedload

from msidp import clock
from msidp.exports import Export
from msidp.webhooks import examples, replays
from msidp.webhooks.catalogue import PING, STANDARD, EventType
from msidp.webhooks.dialects import Happening, standard
from msidp.webhooks.models import (
    Attempt,
    CustomEventType,
    Delivery,
    Event,
    EventBody,
    Replay,
    WebhookEndpoint,
)


def webhook_json(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint, without its secret."""
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "dialect": endpoint.dialect,
        "events": endpoint.events,
        "headers": endpoint.headers,
        "rateLimit": endpoint.rate_limit,
        "planEvent": endpoint.plan_event,
        "v1a": endpoint.v1a,
        "enabled": endpoint.enabled,
        "disabledReason": endpoint.disabled_reason,
        "failingSince": clock.iso_or_none(endpoint.failing_since),
        "previousSecretExpiresAt": clock.iso_or_none(endpoint.previous_secret_expires_at),
        "createdAt": clock.iso(endpoint.created_at),
        "updatedAt": clock.iso(endpoint.updated_at),
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery without its attempts. `type` is what the endpoint's dialect calls the event."""
    return {
        "id": delivery.id,
        "eventId": delivery.event_id,
        "webhookId": delivery.endpoint_id,
        "type": delivery.message.name,
        "status": delivery.status,
        "reason": delivery.reason,
        "attemptCount": delivery.attempt_count,
        # Leased: it is at this moment.
        "nextAttemptAt": None if delivery.lease_token else clock.iso_or_none(delivery.due_at),
        "createdAt": clock.iso(delivery.created_at),
        "replayId": delivery.origin if delivery.origin.startswith("rpl_") else None,
        "test": delivery.origin == PING,
    }


EXPORT = Export(
    "deliveries",
    Delivery,
    delivery_json,
    (
        "id",
        "createdAt",
        "type",
        "webhookId",
        "status",
        "reason",
        "attemptCount",
        "nextAttemptAt",
        "eventId",
        "replayId",
    ),
    [joinedload(Delivery.message, innerjoin=True).load_only(EventBody.name)],
)


def delivery_with_attempts_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery and every attempt, with what was sent and what came back."""
    body = delivery.message.body.decode() or None  # expunged
    return {**delivery_json(delivery), "attempts": [_attempt_json(each, body) for each in delivery.attempts]}


def replay_json(replay: Replay, open_deliveries: int) -> dict[str, Any]:
    """A replay and how far it got."""
    return {
        "id": replay.id,
        "webhookId": replay.endpoint_id,
        "since": clock.iso(replay.since),
        "until": clock.iso(replay.until),
        "status": replay.status,
        "type": replay.type,
        "state": replay.state,
        "reason": replay.reason,
        "progress": replays.progress(replay),
        "eventsExamined": replay.examined,
        "deliveriesCreated": replay.created,
        "deliveriesOpen": open_deliveries,
        "createdAt": clock.iso(replay.created_at),
        "finishedAt": clock.iso_or_none(replay.finished_at),
    }


def event_json(event: Event) -> dict[str, Any]:
    """An event in the standard dialect's words."""
    return {
        "id": event.id,
        "type": event.type,
        "timestamp": clock.iso(event.occurred_at),
        "memberId": event.member_id,
        "data": None if event.data is None else _data(event, event.data),
        "createdAt": clock.iso(event.created_at),
    }


def event_type_json(event_type: EventType | CustomEventType) -> dict[str, Any]:
    """A type of the catalogue or of the community, with a whole body of each dialect as an example."""
    if isinstance(event_type, EventType):
        return {
            "name": event_type.name,
            "description": event_type.description,
            "schema": event_type.schema,
            "dialects": event_type.dialects,
            "published": event_type.published,
            "custom": False,
            "examples": examples.EXAMPLES[event_type.name],
        }
    example = event_type.example
    return {
        "name": event_type.name,
        "description": event_type.description,
        "schema": event_type.schema,
        "dialects": [STANDARD],
        "published": True,
        "custom": True,
        "examples": {} if example is None else examples.custom(event_type.name, example),
    }


def _attempt_json(attempt: Attempt, body: str | None) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": clock.iso(attempt.at),
        "status": attempt.status,
        "latencyMs": attempt.latency_ms,
        "timings": {
            "dnsMs": attempt.dns_ms,
            "connectMs": attempt.connect_ms,
            "tlsMs": attempt.tls_ms,
            "firstByteMs": attempt.first_byte_ms,
        },
        "error": attempt.error,
        "request": {"headers": json.loads(attempt.request_headers), "body": body},
        "responseHeaders": attempt.response_headers and json.loads(attempt.response_headers),
        "responseExcerpt": attempt.response_excerpt,
    }


def _data(event: Event, data: dict[str, Any]) -> dict[str, Any]:
    happening = Happening(event.type, event.occurred_at, event.community_id, data)
    told: dict[str, Any] = standard.hear(happening)[1]["data"]
    return told
