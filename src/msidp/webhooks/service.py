"""What can be done with webhooks and their deliveries, in terms of the session it is given.

A change of an endpoint holds its row alone (FOR UPDATE): a transaction that is about to deliver to it
(`outbox` holds it too) ends first, so that disabling or deleting it leaves nothing open behind.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from msidp import clock, ids, queue
from msidp.communities.models import Community
from msidp.db import after_commit
from msidp.errors import Conflict, Invalid, NotFound
from msidp.outbound.urls import OutboundPolicy, check_url
from msidp.webhooks import asymmetric, catalogue, disabling, event_types, examples, outbox, retry, secrets
from msidp.webhooks.models import Delivery, WebhookEndpoint

MAX_ENDPOINTS = 25  # of a community
GRACE = 24 * clock.HOUR  # in which a replaced secret signs on
BY_HAND = "The webhook was disabled by hand."


class EndpointChanges(TypedDict, total=False):
    """What update_endpoint() takes. What is left out stays as it is."""

    name: str
    url: str
    dialect: str
    events: Sequence[str]
    headers: Mapping[str, str]
    rate_limit: int | None
    plan_event: str
    v1a: bool
    enabled: bool


def create_endpoint(
    session: Session,
    community_id: str,
    policy: OutboundPolicy,
    *,
    name: str,
    url: str,
    dialect: str,
    events: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    rate_limit: int | None = None,
    plan_event: str = catalogue.PLAN_CREATED,
    v1a: bool = False,
    secret: str | None = None,
) -> tuple[WebhookEndpoint, str]:
    """Register an endpoint; returns it and its secret, which is never shown again.

    `plan_event` is how Memberstack's dialect names a new plan; with `v1a` the community's ed25519 key signs
    too. `secret` is one that secrets.check() took; without it a new one is made.

    Raises Invalid for a URL that may not be called and for event names that are not the dialect's, and
    Conflict (`too-many-webhooks`) where the community has 25.
    """
    check_url(url, policy)
    check_events(session, community_id, _voice(dialect, plan_event), events)
    _refuse_one_too_many(session, community_id)
    now = clock.now()
    id_ = ids.new_id("whk")
    secret = secret or ids.new_webhook_secret()
    endpoint = WebhookEndpoint(
        id=id_,
        community_id=community_id,
        name=name,
        url=url,
        dialect=dialect,
        events=_distinct(events),
        headers=dict(headers or {}),
        rate_limit=rate_limit,
        plan_event=plan_event,
        v1a=v1a,
        secret=secrets.seal(id_, secret),
        created_at=now,
        updated_at=now,
    )
    if v1a:
        asymmetric.ensure(session, community_id)
    session.add(endpoint)
    session.flush()
    return endpoint, secret


def get_endpoint(session: Session, community_id: str, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint with this id. Raises NotFound (`webhook-not-found`)."""
    return _find(session, community_id, endpoint_id, lock=False)


def lock_endpoint(session: Session, community_id: str, endpoint_id: str) -> WebhookEndpoint:
    """The same, held alone until the transaction ends: what a change begins with."""
    return _find(session, community_id, endpoint_id, lock=True)


def update_endpoint(
    session: Session, endpoint: WebhookEndpoint, changes: EndpointChanges, policy: OutboundPolicy
) -> None:
    """Change an endpoint. Disabling it cancels what is open.

    A new dialect speaks from the next event on; the events subscribed to must be names of it. Raises
    Invalid as create_endpoint() does.
    """
    if "url" in changes:
        check_url(changes["url"], policy)
    dialect, events = changes.get("dialect", endpoint.dialect), changes.get("events", endpoint.events)
    plan_event = changes.get(
        "plan_event", catalogue.PLAN_CREATED if "dialect" in changes else endpoint.plan_event
    )
    check_events(session, endpoint.community_id, _voice(dialect, plan_event), events)
    endpoint.plan_event = plan_event
    if changes.get("v1a"):
        asymmetric.ensure(session, endpoint.community_id)
    for field in ("name", "url", "dialect", "rate_limit", "v1a"):
        if field in changes:
            setattr(endpoint, field, changes[field])
    if "events" in changes:
        endpoint.events = _distinct(changes["events"])
    if "headers" in changes:
        endpoint.headers = dict(changes["headers"])
    endpoint.updated_at = clock.now()
    session.flush()
    if changes.get("enabled", endpoint.enabled) != endpoint.enabled:
        if endpoint.enabled:
            disabling.disable_endpoint(session, endpoint.id, BY_HAND)
            session.refresh(endpoint)
        else:
            endpoint.enabled, endpoint.disabled_reason, endpoint.failing_since = True, None, None
    session.flush()


def delete_endpoint(session: Session, endpoint: WebhookEndpoint) -> None:
    """Remove an endpoint and cancel what is open. The log of its deliveries stays."""
    endpoint.deleted_at = endpoint.updated_at = clock.now()
    endpoint.enabled = False
    endpoint.secret, endpoint.previous_secret, endpoint.previous_secret_expires_at = "", None, None
    endpoint.headers = {}
    session.flush()
    disabling.cancel_open(session, endpoint.id, "The webhook was deleted.")


def rotate_secret(session: Session, endpoint: WebhookEndpoint) -> str:
    """Give the endpoint a new secret, which it returns. The present one signs on beside it for 24 hours.

    An older one that was still signing ends at once.
    """
    now = clock.now()
    secret = ids.new_webhook_secret()
    endpoint.previous_secret, endpoint.secret = endpoint.secret, secrets.seal(endpoint.id, secret)
    endpoint.previous_secret_expires_at = now + GRACE
    endpoint.updated_at = now
    session.flush()
    return secret


def test_endpoint(session: Session, endpoint: WebhookEndpoint) -> Delivery:
    """Send a ping to this endpoint alone. Raises Conflict (`webhook-disabled`)."""
    if not endpoint.enabled:
        raise Conflict("webhook-disabled", "The webhook is disabled. Enable it first.")
    return get_delivery(session, endpoint.community_id, outbox.record_ping(session, endpoint))


def send_example(session: Session, endpoint: WebhookEndpoint, name: str) -> Delivery:
    """Send this endpoint alone the example of an event type, as a test event, whatever it subscribes to.

    `name` is the type's in the endpoint's dialect. Raises Conflict (`webhook-disabled`) and Invalid
    (`unknown-event-type`; `no-example` for a type of the community's own that has none).
    """
    if not endpoint.enabled:
        raise Conflict("webhook-disabled", "The webhook is disabled. Enable it first.")
    check_events(session, endpoint.community_id, endpoint.voice, [name], field="event")
    data = None
    if name not in catalogue.names_in(endpoint.voice):
        data = event_types.get(session, endpoint.community_id, name).example
        if data is None:
            raise Invalid("no-example", f"{name} has no example. Give it one first.")
    body = examples.to_send(endpoint.voice, name, data, endpoint.community_id, clock.now())
    assert body is not None, "each name of a dialect has an example"  # noqa: S101  # for the type alone
    delivery_id = outbox.record_example(session, endpoint, name, body)
    return get_delivery(session, endpoint.community_id, delivery_id)


def get_delivery(session: Session, community_id: str, delivery_id: str) -> Delivery:
    """The delivery with this id, its message and attempts loaded. Raises NotFound (`delivery-not-found`)."""
    delivery = session.scalar(
        select(Delivery)
        .where(Delivery.community_id == community_id, Delivery.id == delivery_id)
        .options(joinedload(Delivery.message, innerjoin=True), selectinload(Delivery.attempts))
        .execution_options(populate_existing=True)
    )
    if delivery is None:
        raise NotFound("delivery-not-found", f"There is no delivery {delivery_id}.")
    return delivery


def retry_delivery(session: Session, community_id: str, delivery_id: str) -> Delivery:
    """Attempt a failed or exhausted delivery once more, now. Its schedule stays as it is.

    Raises NotFound, and Conflict where there is nothing to retry, nothing left to send, or the webhook is
    disabled.
    """
    retry.request_manual(session, get_delivery(session, community_id, delivery_id))
    after_commit(session, "webhooks", queue.ring)
    return get_delivery(session, community_id, delivery_id)


def check_events(
    session: Session, community_id: str, dialect: str, events: Sequence[str], *, field: str = "events"
) -> None:
    """Refuse names that are not the dialect's. Raises Invalid (`unknown-event-type`)."""
    unknown = [name for name in events if name not in catalogue.names_in(dialect)]
    if dialect == catalogue.STANDARD:
        own = event_types.hold(session, community_id, unknown)
        unknown = [name for name in unknown if name not in own]
    if unknown:
        name = dialect.partition(".")[0]
        reason = f"{unknown[0][:100]!r} is not an event of the dialect {name} (GET /event-types)"
        details = [{"field": field, "message": reason}]
        raise Invalid("unknown-event-type", f"{field}: {reason}", details=details)


def shown() -> tuple[ColumnElement[bool], ...]:
    """The conditions of an endpoint that its community knows of: neither deleted nor a hidden one."""
    return WebhookEndpoint.deleted_at.is_(None), WebhookEndpoint.dialect != catalogue.LOGOUT


def _voice(dialect: str, plan_event: str) -> str:
    """Refuse a name for a dialect that has no such choice. Raises Invalid."""
    if plan_event != catalogue.PLAN_CREATED and dialect != catalogue.MEMBERSTACK:
        reason = f"only the dialect memberstack can call it {plan_event}"
        raise Invalid("invalid", f"planEvent: {reason}", details=[{"field": "planEvent", "message": reason}])
    return catalogue.voice(dialect, plan_event)


def _find(session: Session, community_id: str, endpoint_id: str, *, lock: bool) -> WebhookEndpoint:
    statement = select(WebhookEndpoint).where(
        WebhookEndpoint.community_id == community_id,
        WebhookEndpoint.id == endpoint_id,
        *shown(),
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    endpoint = session.scalar(statement)
    if endpoint is None:
        raise NotFound("webhook-not-found", f"There is no webhook {endpoint_id}.")
    return endpoint


def _refuse_one_too_many(session: Session, community_id: str) -> None:
    """Count under a lock of the community's row: two who register at once must not both be the 25th."""
    session.execute(select(Community.id).where(Community.id == community_id).with_for_update(key_share=True))
    count = session.scalar(
        select(func.count())
        .select_from(WebhookEndpoint)
        .where(WebhookEndpoint.community_id == community_id, *shown())
    )
    if (count or 0) >= MAX_ENDPOINTS:
        raise Conflict("too-many-webhooks", f"A community has at most {MAX_ENDPOINTS} webhooks.")


def _distinct(events: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(events))
