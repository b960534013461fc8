"""Claiming: which due deliveries this process attempts next, and the lease that makes them its own.

A claim moves `due_at` to the end of the lease and sets a new `lease_token`. Whoever dies with a claim needs
no help: the row becomes due again by itself. Outcomes are written only under the token of the claim, so that
an attempt that outlived its lease changes nothing.

`peek` reads a few candidates of every endpoint, by an index, so that one with a hundred thousand due rows
hides nobody else's. What is taken of them is the caller's choice (`lanes`). `take` then claims by condition:
of two processes that want the same row, one gets it.
"""

import json
import secrets
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Select,
    String,
    Update,
    bindparam,
    cast,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from msidp.webhooks.models import Delivery, EventBody, WebhookEndpoint

MAX_CLAIMS = 5  # claims without a recorded outcome after which a delivery is parked
PARKED = f"It was taken up {MAX_CLAIMS} times, and each time the process ended before the outcome was known."


class Candidate(NamedTuple):
    """A due delivery that could be claimed."""

    seq: int
    endpoint_id: str
    claims: int
    rate_limit: int | None = None


class Claimed(NamedTuple):
    """A delivery that is this process's own until the lease ends."""

    seq: int
    delivery_id: str
    endpoint_id: str
    event_id: str
    dialect: str
    attempt_count: int
    scheduled_count: int
    manual: bool
    resume_at: int | None
    lease_token: str
    name: str
    body: bytes


class Target(NamedTuple):
    """An endpoint as it stands at the moment of a claim."""

    id: str
    community_id: str
    url: str
    secret: str
    previous_secret: str | None
    previous_secret_expires_at: int | None
    headers: str  # sealed
    failing_since: int | None


def peek(session: Session, now: int, full: Collection[str], each: int) -> list[Candidate]:
    """Due deliveries, oldest first, at most `each` of every enabled endpoint that is not in `full`."""
    connection = session.connection()
    values = {"now": now, "full": bound_list(connection, full), "each": each}
    return list(map(Candidate._make, connection.execute(_peek(connection.dialect.name), values).all()))


def take(session: Session, seqs: Sequence[int], now: int, lease: int) -> list[Claimed]:
    """Claim these deliveries for `lease` milliseconds; returns those that were still to be had."""
    connection = session.connection()
    dialect = connection.dialect.name
    token = secrets.token_hex(16)
    rows = bound_list(connection, seqs)
    lease_values = {"seqs": rows, "now": now, "until": now + lease, "token": token}
    if connection.execute(_take(dialect), lease_values).rowcount == 0:
        return []
    taken = connection.execute(_taken(dialect), {"seqs": rows, "token": token})
    return list(map(Claimed._make, taken.all()))


def park(session: Session, seqs: Sequence[int], now: int) -> None:
    """Settle deliveries that were claimed too often as exhausted."""
    connection = session.connection()
    connection.execute(_park(connection.dialect.name), {"seqs": bound_list(connection, seqs), "now": now})


def targets(session: Session, endpoint_ids: Collection[str]) -> list[Target]:
    """These endpoints' present addresses and secrets."""
    connection = session.connection()
    values = {"ids": bound_list(connection, endpoint_ids)}
    return list(map(Target._make, connection.execute(_targets(connection.dialect.name), values).all()))


def next_due(session: Session, now: int) -> int | None:
    """When the next delivery becomes due that is not due yet."""
    return session.scalar(select(func.min(Delivery.due_at)).where(Delivery.due_at > now))


def among(
    column: InstrumentedAttribute[Any], name: str, dialect: str, kind: type[Any]
) -> ColumnElement[bool]:
    """Whether the column is one of a list that is bound as one value: the statement's text never varies."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))
    return column == func.any(cast(bindparam(name), ARRAY(kind)))


def bound_list(connection: Connection, values: Collection[Any]) -> Any:
    """A list in the form that `among` binds."""
    return json.dumps(list(values)) if connection.dialect.name == "sqlite" else list(values)


_PEEK_ON_SQLITE = text(
    """
    SELECT delivery.seq, delivery.endpoint_id, delivery.claims, webhook_endpoint.rate_limit
    FROM webhook_endpoint CROSS JOIN delivery ON delivery.seq IN (
        SELECT due.seq FROM delivery AS due
        WHERE due.endpoint_id = webhook_endpoint.id AND due.due_at <= :now
        ORDER BY due.due_at LIMIT :each
    )
    WHERE webhook_endpoint.enabled AND webhook_endpoint.id NOT IN (SELECT value FROM json_each(:full))
    """
)  # SQLite has no LATERAL; CROSS JOIN keeps its planner from beginning with the deliveries


@cache
def _peek(dialect: str) -> Executable:
    if dialect == "sqlite":
        return _PEEK_ON_SQLITE
    oldest = (
        select(Delivery.seq, Delivery.endpoint_id, Delivery.claims)
        .where(Delivery.endpoint_id == WebhookEndpoint.id, Delivery.due_at <= bindparam("now"))
        .order_by(Delivery.due_at)
        .limit(bindparam("each"))
        .lateral()
    )
    return (
        select(oldest.c.seq, oldest.c.endpoint_id, oldest.c.claims, WebhookEndpoint.rate_limit)
        .select_from(WebhookEndpoint)
        .join(oldest, true())
        .where(WebhookEndpoint.enabled, ~among(WebhookEndpoint.id, "full", dialect, String))
    )


def _due(dialect: str) -> ColumnElement[bool]:
    """The rows of `seqs` that are due; on PostgreSQL, those that nobody else is just claiming."""
    conditions = (among(Delivery.seq, "seqs", dialect, BigInteger), Delivery.due_at <= bindparam("now"))
    if dialect == "sqlite":
        return conditions[0] & conditions[1]
    return Delivery.seq.in_(select(Delivery.seq).where(*conditions).with_for_update(skip_locked=True))


@cache
def _take(dialect: str) -> Update:
    return (
        update(Delivery)
        .where(_due(dialect))
        .values(
            due_at=bindparam("until"),
            lease_token=bindparam("token"),
            claims=Delivery.claims + 1,
        )
    )


@cache
def _taken(dialect: str) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Delivery.seq,
            Delivery.id,
            Delivery.endpoint_id,
            Delivery.event_id,
            Delivery.dialect,
            Delivery.attempt_count,
            Delivery.scheduled_count,
            Delivery.manual,
            Delivery.resume_at,
            Delivery.lease_token,
            EventBody.name,
            EventBody.body,
        )
        .join(EventBody, (EventBody.event_id == Delivery.event_id) & (EventBody.dialect == Delivery.dialect))
        .where(among(Delivery.seq, "seqs", dialect, BigInteger), Delivery.lease_token == bindparam("token"))
        .order_by(Delivery.seq)
    )


@cache
def _park(dialect: str) -> Update:
    return (
        update(Delivery)
        .where(_due(dialect), Delivery.claims >= MAX_CLAIMS)
        .values(status="exhausted", reason=PARKED, due_at=None, lease_token=None, settled_at=bindparam("now"))
    )


@cache
def _targets(dialect: str) -> Select[*tuple[Any, ...]]:
    return select(
        WebhookEndpoint.id,
        WebhookEndpoint.community_id,
        WebhookEndpoint.url,
        WebhookEndpoint.secret,
        WebhookEndpoint.previous_secret,
        WebhookEndpoint.previous_secret_expires_at,
        WebhookEndpoint.sealed_headers,
        WebhookEndpoint.failing_since,
    ).where(among(WebhookEndpoint.id, "ids", dialect, String))
