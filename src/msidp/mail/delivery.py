"""Which mail is sent next, and how its attempt ended.

A claim is a lease with a token, as for webhooks: who dies with it needs no help, and who outlives it
changes nothing.
"""

import secrets
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from msidp import clock
from msidp.mail import letters
from msidp.mail.letters import Letter
from msidp.mail.models import Mail
from msidp.statements import delete_some

DELAYS = (
    30,
    120,
    600,
    1800,
    7200,
    21600,
)  # seconds before the second attempt, the third, …; the last repeats
MAX_CLAIMS = 5  # claims without a recorded outcome after which a mail is given up
KEPT = 30 * clock.DAY  # how long a settled mail's record stays
_PEEK = 20


class Claimed(NamedTuple):
    """A mail that is this process's own until the lease ends."""

    seq: int
    id: str
    recipient: str
    template: str
    letter: Letter | None
    attempt_count: int
    expires_at: int
    lease_token: str


def is_due(session: Session, now: int) -> bool:
    """Whether a mail waits."""
    return session.scalar(select(Mail.seq).where(Mail.due_at <= now).limit(1)) is not None


def claim(session: Session, now: int, lease: int) -> Claimed | None:
    """Claim the mail that waits longest for `lease` milliseconds; None where nothing waits.

    Mails that expired, or were taken up too often without an end, are given up on the way.
    """
    waiting = session.execute(
        select(Mail.seq, Mail.due_at, Mail.claims, Mail.expires_at)
        .where(Mail.due_at <= now)
        .order_by(Mail.due_at)
        .limit(_PEEK)
    )
    for seq, due_at, claims, expires_at in waiting.all():
        if expires_at <= now:
            _settle(session, seq, None, "failed", now, "It expired before it could be sent.", due_at=due_at)
        elif claims >= MAX_CLAIMS:
            message = f"It was taken up {MAX_CLAIMS} times, and each time the process ended."
            _settle(session, seq, None, "failed", now, message, due_at=due_at)
        elif found := _take(session, seq, due_at, now + lease):
            return found
    return None


def sent(session: Session, claimed: Claimed, now: int) -> None:
    """The server took it. Its words are deleted."""
    _settle(session, claimed.seq, claimed.lease_token, "sent", now, None, attempts=claimed.attempt_count + 1)


def refused(session: Session, claimed: Claimed, now: int, message: str, *, final: bool) -> bool:
    """The server did not take it: it is tried again later, or given up. Tells whether it was given up."""
    number = claimed.attempt_count + 1
    due_at = now + DELAYS[min(number, len(DELAYS)) - 1] * clock.SECOND
    if final or due_at >= claimed.expires_at:
        _settle(session, claimed.seq, claimed.lease_token, "failed", now, message, attempts=number)
        return True
    values = {"due_at": due_at, "lease_token": None, "claims": 0, "attempt_count": number, "error": message}
    held = (Mail.seq == claimed.seq, Mail.lease_token == claimed.lease_token)
    session.connection().execute(update(Mail).where(*held).values(values))
    return False


def lost_since(session: Session, moment: int) -> tuple[int, str | None]:
    """How many mails were given up since then, and why the latest one."""
    lost = select(Mail.error).where(Mail.status == "failed", Mail.settled_at >= moment)
    count = session.scalar(select(func.count()).select_from(lost.subquery()))
    return count or 0, session.scalar(lost.order_by(Mail.seq.desc()).limit(1))


def purge_expired(session: Session, now: int) -> int:
    """Delete some of the records that are over. Returns how many."""
    over = (Mail.status == "inbox") & (Mail.expires_at <= now)
    return delete_some(session, Mail, over | (Mail.settled_at <= now - KEPT))


def _take(session: Session, seq: int, due_at: int | None, until: int) -> Claimed | None:
    """Claim it, unless another process was faster."""
    token = secrets.token_hex(16)
    values = {"due_at": until, "lease_token": token, "claims": Mail.claims + 1}
    mine = (Mail.seq == seq, Mail.due_at == due_at)
    row = session.execute(
        update(Mail)
        .where(*mine)
        .values(values)
        .returning(Mail.id, Mail.recipient, Mail.template, Mail.letter, Mail.attempt_count, Mail.expires_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    letter = letters.unseal(row.letter, row.id)
    return Claimed(seq, row.id, row.recipient, row.template, letter, row.attempt_count, row.expires_at, token)


def _settle(
    session: Session,
    seq: int,
    lease_token: str | None,
    status: str,
    now: int,
    error: str | None,
    *,
    attempts: int | None = None,
    due_at: int | None = None,
) -> None:
    """End it, under its claim or as long as nobody claims it. What it said is deleted."""
    held = Mail.lease_token == lease_token if lease_token else Mail.due_at == due_at
    values = {
        "status": status,
        "letter": None,
        "due_at": None,
        "lease_token": None,
        "error": error,
        "settled_at": now,
        **({"attempt_count": attempts} if attempts is not None else {}),
    }
    session.connection().execute(update(Mail).where(Mail.seq == seq, held).values(values))
