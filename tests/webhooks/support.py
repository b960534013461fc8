"""What the engine's tests share."""

from typing import Any

from sqlalchemy import select, update

from msidp import clock, db, ids
from msidp.webhooks import outbox, secrets
from msidp.webhooks.models import Attempt, Delivery, WebhookEndpoint

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def add_endpoint(community_id: str, url: str, **fields: Any) -> str:
    """An endpoint that hears everything, unless `fields` say otherwise. Returns its id."""
    endpoint_id = ids.new_id("whk")
    now = clock.now()
    values = {
        "name": "test", "dialect": "standard", "events": [], "sealed_headers": "",
        "secret": secrets.seal(endpoint_id, SECRET),
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    with db.transaction() as session:
        session.add(WebhookEndpoint(id=endpoint_id, community_id=community_id, url=url, **values | fields))
    return endpoint_id


def happen(community_id: str, count: int = 1, data: dict[str, Any] | None = None) -> None:
    """Something happens, `count` times in one transaction."""
    with db.transaction() as session:
        for number in range(count):
            outbox.record(
                session,
                community_id=community_id,
                type="post.published",
                data=data or {"number": number},
            )


def deliveries(endpoint_id: str | None = None) -> list[Delivery]:
    with db.reading() as session:
        query = select(Delivery).order_by(Delivery.seq)
        if endpoint_id is not None:
            query = query.where(Delivery.endpoint_id == endpoint_id)
        return list(session.scalars(query))


def delivery(endpoint_id: str | None = None) -> Delivery:
    (one,) = deliveries(endpoint_id)
    return one


def attempts(delivery_id: str | None = None) -> list[Attempt]:
    with db.reading() as session:
        query = select(Attempt).order_by(Attempt.seq)
        if delivery_id is not None:
            query = query.where(Attempt.delivery_id == delivery_id)
        return list(session.scalars(query))


def endpoint(endpoint_id: str) -> WebhookEndpoint:
    with db.reading() as session:
        return session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)).one()


def make_due() -> None:
    """Let every open delivery be due now."""
    with db.transaction() as session:
        session.execute(update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=clock.now()))
