"""Recording outcomes: many attempts in one transaction, each only if its claim still holds."""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Executable, String, bindparam, null, select, update
from sqlalchemy.orm import Session

from msidp.db import core_of
from msidp.prepared import Core, Prepared
from msidp.webhooks import ailing, attempts, hours, retry
from msidp.webhooks.attempts import Outcome
from msidp.webhooks.catalogue import LOGOUT
from msidp.webhooks.lists import among, bound_list
from msidp.webhooks.models import Delivery, WebhookEndpoint

_REFUSALS: Mapping[tuple[str, int | None], str] = {  # what no repetition would change
    (LOGOUT, 400): "The application answered 400: it could not log the member out.",
}

Recorded = tuple[Outcome, str]
"""An outcome, and the status it gave its delivery."""


def record(session: Session, outcomes: Sequence[Outcome], schedule: Sequence[float]) -> list[Recorded]:
    """Write the attempts and what follows from them. Returns what was written.

    An outcome whose claim no longer holds (the lease ran out and another process took over, or the
    delivery was canceled) leaves no trace.
    """
    core, connection = core_of(session), session.connection()
    _lock_endpoints(core, outcomes)  # endpoints before deliveries, like everyone who locks both
    held = _held(core, outcomes)
    if not held:
        return []
    succeeded = [outcome for outcome in held if outcome.reply.error is None]
    failed = [outcome for outcome in held if outcome.reply.error is not None]
    _settle_successes(core, succeeded)
    statuses = _settle_failures(core, failed, schedule)
    attempts.log(connection, held)
    _mark_endpoints(core, held)
    given_up = dict(filter(None, map(_given_up, failed)))
    for endpoint_id, (reason, at) in sorted(given_up.items()):
        ailing.disable(session, endpoint_id, reason, at)
    recorded = [(outcome, "succeeded") for outcome in succeeded] + list(zip(failed, statuses, strict=True))
    hours.add(core, [_figure(*one) for one in recorded])  # last: other processes add to them too
    return recorded


def _figure(outcome: Outcome, status: str) -> hours.Figure:
    reply = outcome.reply
    return outcome.target.id, outcome.ended_at, status, reply.status and reply.latency_ms


def _given_up(outcome: Outcome) -> tuple[str, tuple[str, int]] | None:
    """The endpoint that is to be disabled after this failure, why and when.

    An application's logout tokens are not ended by its answers.
    """
    if outcome.claimed.dialect == LOGOUT:
        return None
    if outcome.reply.status == retry.GONE:
        return outcome.target.id, (ailing.GONE, outcome.at)
    if ailing.is_stuck(outcome.target.failing_since, outcome.at):
        return outcome.target.id, (ailing.STUCK, outcome.at)
    return None


def _held(core: Core, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes whose claims hold, their rows locked."""
    seqs = bound_list(core.dialect, [outcome.claimed.seq for outcome in outcomes])
    tokens = dict(core.tuples(_tokens, {"seqs": seqs}))
    return [outcome for outcome in outcomes if tokens.get(outcome.claimed.seq) == outcome.claimed.lease_token]


def _settle_successes(core: Core, outcomes: Sequence[Outcome]) -> None:
    for manual in (False, True):
        mine = [outcome for outcome in outcomes if outcome.claimed.manual == manual]
        if mine:
            values = {
                "seqs": bound_list(core.dialect, [outcome.claimed.seq for outcome in mine]),
                "scheduled": 0 if manual else 1,
                "settled": max(outcome.ended_at for outcome in mine),
            }
            core.run(_success, values)


def _settle_failures(core: Core, outcomes: Sequence[Outcome], schedule: Sequence[float]) -> list[str]:
    """The statuses that these deliveries have now."""
    values = [_failure_values(outcome, schedule) for outcome in outcomes]
    core.many(_FAILURE, values)
    return [each["new_status"] for each in values]


def _failure_values(outcome: Outcome, schedule: Sequence[float]) -> dict[str, Any]:
    claimed, reply = outcome.claimed, outcome.reply
    ended_at = outcome.ended_at
    attempted = retry.Attempted(
        claimed.scheduled_count,
        claimed.manual,
        claimed.resume_at,
        reply.status,
        ended_at,
        attempts.header(reply.head, "retry-after"),
        _REFUSALS.get((claimed.dialect, reply.status)),
    )
    verdict = retry.judge(attempted, schedule, random.random())  # noqa: S311  # jitter, not a secret
    return {
        "row": claimed.seq,
        "new_status": verdict.status,
        "why": verdict.reason,
        "due": verdict.due_at,
        "scheduled": 0 if claimed.manual else 1,
        "settled": None if verdict.due_at is not None else ended_at,
    }


def _mark_endpoints(core: Core, outcomes: Iterable[Outcome]) -> None:
    """Note since when an endpoint has only failed."""
    changed = _turned(outcomes)
    well = [outcome.target.id for outcome in changed if outcome.reply.error is None]
    ill = [
        {"endpoint": outcome.target.id, "since": outcome.at}
        for outcome in changed
        if outcome.reply.error is not None
    ]
    if well:
        core.run(_recovered, {"ids": bound_list(core.dialect, well)})
    core.many(_FAILING, ill)


def _turned(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The latest outcome of every endpoint that fails and did not, or did and no longer does."""
    latest = {outcome.target.id: outcome for outcome in outcomes}
    return [
        outcome
        for _, outcome in sorted(latest.items())
        if (outcome.reply.error is None) != (outcome.target.failing_since is None)
    ]


def _lock_endpoints(core: Core, outcomes: Sequence[Outcome]) -> None:
    changing = {outcome.target.id for outcome in _turned(outcomes)}
    failed = (outcome for outcome in outcomes if outcome.reply.error is not None)
    changing |= {outcome.target.id for outcome in failed if _given_up(outcome)}
    if changing:
        core.all(_lock, {"ids": bound_list(core.dialect, sorted(changing))})


@Prepared
def _tokens(dialect: str) -> Executable:
    return (
        select(Delivery.seq, Delivery.lease_token)
        .where(among(Delivery.seq, "seqs", dialect, BigInteger))
        .order_by(Delivery.seq)
        .with_for_update()
    )


@Prepared
def _lock(dialect: str) -> Executable:
    return (
        select(WebhookEndpoint.seq)
        .where(among(WebhookEndpoint.id, "ids", dialect, String))
        .order_by(WebhookEndpoint.seq)
        .with_for_update()
    )


@Prepared
def _success(dialect: str) -> Executable:
    return (
        update(Delivery)
        .where(among(Delivery.seq, "seqs", dialect, BigInteger))
        .values(
            status="succeeded",
            reason=null(),
            due_at=null(),
            settled_at=bindparam("settled"),
            **_attempted(),
        )
    )


def _attempted() -> dict[str, Any]:
    return {
        "attempt_count": Delivery.attempt_count + 1,
        "scheduled_count": Delivery.scheduled_count + bindparam("scheduled"),
        "manual": False,
        "resume_at": null(),
        "claims": 0,
        "lease_token": null(),
    }


_FAILURE = Prepared(
    update(Delivery)
    .where(Delivery.seq == bindparam("row"))
    .values(
        status=bindparam("new_status"),
        reason=bindparam("why"),
        due_at=bindparam("due"),
        settled_at=bindparam("settled"),
        **_attempted(),
    )
)
_FAILING = Prepared(
    update(WebhookEndpoint)
    .where(WebhookEndpoint.id == bindparam("endpoint"), WebhookEndpoint.failing_since.is_(None))
    .values(failing_since=bindparam("since"))
)


@Prepared
def _recovered(dialect: str) -> Executable:
    return (
        update(WebhookEndpoint)
        .where(among(WebhookEndpoint.id, "ids", dialect, String))
        .values(failing_since=null())
    )
