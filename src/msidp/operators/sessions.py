"""Sessions of operators: 14 days at most, over after 24 hours without a visit."""

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.db import delete_some
from msidp.operators.models import Operator, OperatorSession

LIFETIME = 14 * clock.DAY
IDLE = clock.DAY
SEEN_EVERY = 5 * clock.MINUTE  # how exact `seen_at` is; each update is a write


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The operator behind a request, and the session that says so."""

    session_id: str
    operator_id: str
    community_id: str
    email: str
    name: str
    role: str
    seen_at: int


def start(session: Session, operator: Operator, *, address: str | None, user_agent: str | None) -> str:
    """Begin a session for an operator who has just proved who they are. Returns its token, this once."""
    now = clock.now()
    token = ids.new_token()
    operator.last_login_at = now
    session.add(
        OperatorSession(
            id=ids.new_id("ops"),
            operator_id=operator.id,
            token_hash=ids.hash_token(token),
            created_at=now,
            seen_at=now,
            expires_at=now + LIFETIME,
            address=address,
            user_agent=user_agent,
        )
    )
    session.flush()
    return token


def find(session: Session, token: str) -> SignedIn | None:
    """Who has the live session with this token."""
    now = clock.now()
    row = session.execute(
        select(OperatorSession.id, OperatorSession.seen_at, Operator)
        .join(Operator, Operator.id == OperatorSession.operator_id)
        .where(
            OperatorSession.token_hash == ids.hash_token(token),
            OperatorSession.expires_at > now,
            OperatorSession.seen_at > now - IDLE,
        )
    ).one_or_none()
    if row is None:
        return None
    who: Operator = row.Operator
    return SignedIn(row.id, who.id, who.community_id, who.email, who.name, who.role, row.seen_at)


def touch(session: Session, session_id: str) -> None:
    """Remember that this session's browser was here just now."""
    session.execute(
        update(OperatorSession).where(OperatorSession.id == session_id).values(seen_at=clock.now())
    )


def end(session: Session, token: str) -> None:
    """End the session with this token, if there is one."""
    session.execute(delete(OperatorSession).where(OperatorSession.token_hash == ids.hash_token(token)))


def end_all(session: Session, operator_id: str) -> None:
    """Sign an operator out everywhere."""
    end_others(session, operator_id, "")


def end_others(session: Session, operator_id: str, keep: str) -> None:
    """Sign an operator out everywhere but in the session `keep`."""
    session.execute(
        delete(OperatorSession).where(OperatorSession.operator_id == operator_id, OperatorSession.id != keep)
    )


def list_live(session: Session, operator_id: str) -> list[OperatorSession]:
    """An operator's sessions, the latest first."""
    now = clock.now()
    return list(
        session.scalars(
            select(OperatorSession)
            .where(
                OperatorSession.operator_id == operator_id,
                OperatorSession.expires_at > now,
                OperatorSession.seen_at > now - IDLE,
            )
            .order_by(OperatorSession.seq.desc())
        )
    )


def purge_expired(session: Session, now: int) -> int:
    """Delete some of the sessions that are over. Returns how many."""
    return delete_some(session, OperatorSession, OperatorSession.expires_at <= now)
