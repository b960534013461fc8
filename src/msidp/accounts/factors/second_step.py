"""A log-in between its two steps: the member has given one proof and owes the second."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.accounts.factors.models import PendingLogin
from msidp.db import delete_some
from msidp.members.models import Member

LIFETIME = 10 * clock.MINUTE


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits in this browser, and by which methods they came this far."""

    member_id: str
    methods: tuple[str, ...]


def begin(session: Session, member: Member, methods: tuple[str, ...]) -> str:
    """Let a browser wait. Returns the token for its cookie."""
    token, now = ids.new_token(), clock.now()
    session.add(
        PendingLogin(
            token_hash=ids.hash_token(token),
            member_id=member.id,
            methods=list(methods),
            password_hash=member.password_hash,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    session.flush()
    return token


def find(session: Session, token: str) -> Waiting | None:
    """Who waits under this token; None after ten minutes, or once their password has changed."""
    row = session.execute(
        select(PendingLogin.member_id, PendingLogin.methods)
        .join(Member, Member.id == PendingLogin.member_id)
        .where(
            PendingLogin.token_hash == ids.hash_token(token),
            PendingLogin.expires_at > clock.now(),
            PendingLogin.password_hash.is_not_distinct_from(Member.password_hash),
        )
    ).one_or_none()
    return Waiting(row.member_id, tuple(row.methods)) if row else None


def end(session: Session, token: str) -> bool:
    """End the waiting: true for one caller alone."""
    ended = session.execute(
        delete(PendingLogin)
        .where(PendingLogin.token_hash == ids.hash_token(token))
        .returning(PendingLogin.token_hash)
        .execution_options(synchronize_session=False)
    )
    return ended.one_or_none() is not None


def purge_expired(session: Session, now: int) -> int:
    """Delete some that wait no longer. Returns how many."""
    return delete_some(session, PendingLogin, PendingLogin.expires_at <= now)
