"""Claiming: which due deliveries this process attempts next, and the lease that makes them its own.

A claim moves `due_at` to the end of the lease and sets a new `lease_token`. Whoever dies with a claim needs
no help: the row becomes due again by itself. Outcomes are written only under the token of the claim, so that
an attempt that outlived its lease changes nothing.

`peek` reads the first few of every endpoint's due deliveries, from an index alone, so that one with a hundred
thousand due rows hides nobody else's. What is taken of them is the caller's choice (`lanes`). `take` then
claims by condition: of two processes that want the same row, one gets it.
"""

import json
import secrets
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    String,
    bindparam,
    column,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from msidp import clock
from msidp.db import core_of
from msidp.prepared import Core, Prepared
from msidp.webhooks import asymmetric, pace
from msidp.webhooks.asymmetric import SealedKey
from msidp.webhooks.lists import among, bound_list
from msidp.webhooks.models import Delivery, EventBody, WebhookEndpoint

MAX_CLAIMS = 5  # claims without a recorded outcome after which a delivery is parked
PARKED = f"It was taken up {MAX_CLAIMS} times, and each time the process ended before the outcome was known."


class Due(NamedTuple):
    """What waits for one endpoint: the oldest of its due deliveries, and what decides how many may go."""

    endpoint_id: str
    seqs: Sequence[int]
    rate_limit: int | None = None
    paced_until: float | None = None
    failing: bool = False


class Candidate(NamedTuple):
    """A due delivery that is to be claimed. `paced`: its endpoint has a rate limit."""

    seq: int
    endpoint_id: str
    paced: bool = False


class Claimed(NamedTuple):
    """A delivery that is this process's own until the lease ends."""

    seq: int
    delivery_id: str
    event_id: str
    dialect: str
    attempt_count: int
    scheduled_count: int
    manual: bool  # 0 or 1 on SQLite
    resume_at: int | None
    claims: int
    created_at: int
    endpoint_id: str
    lease_token: str
    name: str
    body: bytes


_EVENT, _DIALECT = map(Claimed._fields.index, ("event_id", "dialect"))


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
    v1a: bool
    signing_keys: Sequence[SealedKey] = ()  # of its community, where it asks for v1a


def peek(session: Session, now: int, full: Collection[str], each: int) -> list[Due]:
    """What is due, oldest first, at most `each` of every enabled endpoint that is not in `full`."""
    core = core_of(session)
    values = {"now": now, "full": bound_list(core.dialect, full), "each": each}
    return [
        Due(id_, json.loads(seqs) if isinstance(seqs, str) else seqs, rate_limit, paced_until, bool(failing))
        for id_, seqs, rate_limit, paced_until, failing in core.all(_peek, values)
    ]


def take(session: Session, chosen: Sequence[Candidate], now: int, lease: int) -> list[Claimed]:
    """Claim these deliveries for `lease` milliseconds; returns those that were still to be had.

    A rate limit holds across processes: no more are taken than it allows, and none at all while another
    process is claiming for the same endpoint.
    """
    core = core_of(session)
    paced = sorted({one.endpoint_id for one in chosen if one.paced})
    paces = pace.lock(core, paced) if paced else {}
    seqs = _within(chosen, paces, now) if paced else [one.seq for one in chosen]
    if not seqs:
        return []
    token = secrets.token_hex(16)
    values = {"seqs": bound_list(core.dialect, seqs), "now": now, "until": now + lease, "token": token}
    rows = sorted(core.tuples(_take, values))
    if not rows:
        return []
    messages = _messages(core, {row[_EVENT] for row in rows})
    endpoints = {one.seq: one.endpoint_id for one in chosen}
    claimed = [
        Claimed._make((*row, endpoints[row[0]], token, *messages[row[_EVENT], row[_DIALECT]])) for row in rows
    ]
    if paces:
        pace.note(core, (one.endpoint_id for one in claimed), paces, now)
    return claimed


def park(session: Session, claimed: Sequence[Claimed], now: int) -> None:
    """Settle deliveries that were just claimed once too often as exhausted."""
    core = core_of(session)
    seqs = bound_list(core.dialect, [one.seq for one in claimed])
    core.run(_park, {"seqs": seqs, "now": now})


def targets(session: Session, endpoint_ids: Collection[str]) -> list[Target]:
    """These endpoints' present addresses and secrets."""
    core = core_of(session)
    rows = core.all(_targets, {"ids": bound_list(core.dialect, endpoint_ids)})
    return [_with_keys(session, Target(*row)) for row in rows]


def _with_keys(session: Session, target: Target) -> Target:
    if not target.v1a:
        return target
    keys = asymmetric.in_force(session.connection(), target.community_id, clock.now())
    return target._replace(signing_keys=keys)


def next_due(session: Session, after: int = -1) -> int | None:
    """The first moment after this one at which a delivery is due: asked of each endpoint, by its index."""
    first = (
        select(Delivery.due_at)
        .where(Delivery.endpoint_id == WebhookEndpoint.id, Delivery.due_at > after)
        .order_by(Delivery.due_at)
        .limit(1)
        .correlate(WebhookEndpoint)
        .scalar_subquery()
    )
    due: int | None = session.scalar(select(func.min(first)).select_from(WebhookEndpoint))
    return due


def _within(chosen: Sequence[Candidate], paces: pace.Paces, now: int) -> list[int]:
    """Those of the chosen that their endpoints' rate limits let go."""
    left = {id_: None if one is None else one.allowance(now) for id_, one in paces.items()}
    seqs = []
    for candidate in chosen:
        if candidate.paced:
            room = left.get(candidate.endpoint_id, 0)
            if room == 0:
                continue
            left[candidate.endpoint_id] = room and room - 1
        seqs.append(candidate.seq)
    return seqs


def _messages(core: Core, event_ids: Collection[str]) -> dict[tuple[str, str], tuple[str, bytes]]:
    """What these events are called and what is sent of them, by event and dialect."""
    rows = core.all(_bodies, {"ids": bound_list(core.dialect, event_ids)})
    return {(event_id, dialect): (name, body) for event_id, dialect, name, body in rows}


_PEEK_ON_SQLITE = text(  # SQLite has no LATERAL
    """
    SELECT * FROM (
        SELECT id AS endpoint_id, (
            SELECT json_group_array(seq) FROM (
                SELECT seq FROM delivery
                WHERE endpoint_id = webhook_endpoint.id AND due_at <= :now
                ORDER BY due_at LIMIT :each
            )
        ) AS seqs, rate_limit, paced_until, failing_since IS NOT NULL AS failing
        FROM webhook_endpoint
        WHERE enabled AND id NOT IN (SELECT value FROM json_each(:full))
    ) WHERE seqs <> '[]'
    """
).columns(*map(column, Due._fields))


@Prepared
def _peek(dialect: str) -> Executable:
    if dialect == "sqlite":
        return _PEEK_ON_SQLITE
    oldest = (
        select(Delivery.seq, Delivery.due_at)
        .where(
            Delivery.endpoint_id == WebhookEndpoint.id,
            Delivery.due_at <= bindparam("now", type_=BigInteger),
        )
        .order_by(Delivery.due_at)
        .limit(bindparam("each"))
        .correlate(WebhookEndpoint)
        .subquery()
    )
    due = select(func.array_agg(aggregate_order_by(oldest.c.seq, oldest.c.due_at)).label("seqs")).lateral()
    return (
        select(
            WebhookEndpoint.id,
            due.c.seqs,
            WebhookEndpoint.rate_limit,
            WebhookEndpoint.paced_until,
            WebhookEndpoint.failing_since.is_not(None).label("failing"),
        )
        .join(due, true())
        .where(
            WebhookEndpoint.enabled,
            ~among(WebhookEndpoint.id, "full", dialect, String),
            due.c.seqs.is_not(None),
        )
    )


def _free(dialect: str) -> ColumnElement[bool]:
    """The rows of `seqs` that are due; on PostgreSQL, those that nobody else is just claiming."""
    conditions = (among(Delivery.seq, "seqs", dialect, BigInteger), Delivery.due_at <= bindparam("now"))
    if dialect == "sqlite":
        return conditions[0] & conditions[1]
    return Delivery.seq.in_(select(Delivery.seq).where(*conditions).with_for_update(skip_locked=True))


@Prepared
def _take(dialect: str) -> Executable:
    return (
        update(Delivery)
        .where(_free(dialect))
        .values(due_at=bindparam("until"), lease_token=bindparam("token"), claims=Delivery.claims + 1)
        .returning(
            Delivery.seq,
            Delivery.id,
            Delivery.event_id,
            Delivery.dialect,
            Delivery.attempt_count,
            Delivery.scheduled_count,
            Delivery.manual,
            Delivery.resume_at,
            Delivery.claims,
            Delivery.created_at,
        )
    )


@Prepared
def _bodies(dialect: str) -> Executable:
    return select(EventBody.event_id, EventBody.dialect, EventBody.name, EventBody.body).where(
        among(EventBody.event_id, "ids", dialect, String)
    )


@Prepared
def _park(dialect: str) -> Executable:
    return (
        update(Delivery)
        .where(among(Delivery.seq, "seqs", dialect, BigInteger))
        .values(status="exhausted", reason=PARKED, due_at=None, lease_token=None, settled_at=bindparam("now"))
    )


@Prepared
def _targets(dialect: str) -> Executable:
    return select(
        WebhookEndpoint.id,
        WebhookEndpoint.community_id,
        WebhookEndpoint.url,
        WebhookEndpoint.secret,
        WebhookEndpoint.previous_secret,
        WebhookEndpoint.previous_secret_expires_at,
        WebhookEndpoint.sealed_headers,
        WebhookEndpoint.failing_since,
        WebhookEndpoint.v1a,
    ).where(among(WebhookEndpoint.id, "ids", dialect, String))
