"""What follows an attempt: settled, or due again, and when. And attempts asked for by hand.

The schedule gives the seconds before each attempt, counted from the end of the one before. Retry-After may
lengthen a delay up to the schedule's longest and never shortens it. A little jitter, always positive, keeps
deliveries that failed together from coming back together.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from msidp import clock
from msidp.errors import Conflict
from msidp.webhooks.models import Delivery, Event, WebhookEndpoint

JITTER = 0.1  # at most this share of a delay is added to it
GONE = 410

Status = Literal["succeeded", "failed", "exhausted"]
_SECONDS = re.compile(r"[0-9]{1,12}\Z")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a delivery stands after an attempt; `due_at` is None once it is settled."""

    status: Status
    due_at: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Attempted:
    """What the verdict needs to know of an attempt that failed.

    `scheduled_count` counts the attempts of the schedule before this one; `manual` and `resume_at` are the
    delivery's; `retry_after` is the header as it came; `refusal` says why another attempt is of no use.
    """

    scheduled_count: int
    manual: bool
    resume_at: int | None
    status: int | None
    ended_at: int
    retry_after: str | None = None
    refusal: str | None = None


def judge(attempted: Attempted, schedule: Sequence[float], chance: float) -> Verdict:
    """What follows a failed attempt. `schedule` in seconds; `chance`, from 0 to 1, is the jitter's."""
    if attempted.status == GONE:
        return Verdict("exhausted", None, "The endpoint answered 410 Gone.")
    if attempted.refusal is not None:
        return Verdict("exhausted", None, attempted.refusal)
    if attempted.manual:
        if attempted.resume_at is None:
            return Verdict("exhausted", None, "The attempt made by hand failed too.")
        return Verdict("failed", attempted.resume_at)
    made = attempted.scheduled_count + 1
    if made >= len(schedule):
        return Verdict("exhausted", None, f"All {made} attempts of the schedule failed.")
    delay = max(schedule[made], _asked_delay(attempted, max(schedule)))
    return Verdict("failed", attempted.ended_at + round(delay * (1 + JITTER * chance) * clock.SECOND))


def _asked_delay(attempted: Attempted, longest: float) -> float:
    if attempted.retry_after is None:
        return 0
    return min(read_retry_after(attempted.retry_after, attempted.ended_at), longest)


def read_retry_after(value: str, now: int) -> float:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3); 0 where it makes no sense."""
    text = value.strip()
    if _SECONDS.match(text):
        return int(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0
    return max(0.0, moment - now / clock.SECOND)


def request_manual(session: Session, delivery: Delivery) -> None:
    """Ask for one more attempt of a failed or exhausted delivery, now; its schedule stays as it is.

    Raises Conflict for a delivery in another state, one that is being attempted at this moment, one whose
    endpoint is disabled, and one whose event was expunged.
    """
    endpoint = session.execute(
        select(WebhookEndpoint.enabled, WebhookEndpoint.deleted_at)
        .where(WebhookEndpoint.id == delivery.endpoint_id)
        .with_for_update(read=True, key_share=True)  # nobody disables it until this has committed
    ).one_or_none()
    if endpoint is None or endpoint.deleted_at is not None:
        raise Conflict("webhook-disabled", "The webhook was removed: nothing is sent to it any more.")
    if not endpoint.enabled:
        raise Conflict("webhook-disabled", "The webhook is disabled. Enable it first.")
    kept = select(Event.expunged_at).where(Event.id == delivery.event_id)
    if session.scalar(kept.with_for_update(read=True)) is not None:
        raise Conflict("event-expunged", "The member was deleted, and the event's data with it.")
    now = clock.now()
    changed = session.connection().execute(
        update(Delivery)
        .where(
            Delivery.seq == delivery.seq,
            Delivery.status.in_(("failed", "exhausted")),
            Delivery.lease_token.is_(None) | (Delivery.due_at <= now),
        )
        .values(
            status="pending",
            reason=None,
            manual=True,
            resume_at=Delivery.due_at,
            due_at=now,
            claims=0,
            lease_token=None,
            settled_at=None,
        )
    )
    session.refresh(delivery)
    if changed.rowcount == 0:
        raise Conflict(
            "not-retriable",
            "Only a failed or exhausted delivery that is not being attempted can be retried.",
        )
