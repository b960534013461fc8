"""Sessions of operators: 14 days at most, over after 24 hours without a visit."""

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.communities.models import Community
from msidp.operators.models import Operator, OperatorSession
from msidp.statements import delete_some

LIFETIME = 14 * clock.DAY
IDLE = clock.DAY
FRESH = 15 * clock.MINUTE  # how long a proof is good for what is grave
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
    proved_at: int
    factor_required: bool  # the community asks each operator for a second one

    def is_fresh(self) -> bool:
        """Whether it was proved just now who this is."""
        return self.proved_at > clock.now() - FRESH


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
            proved_at=now,
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
        select(
            OperatorSession.id,
            OperatorSession.seen_at,
            OperatorSession.proved_at,
            Community.operators_need_second_factor,
            Operator,
        )
        .join(Operator, Operator.id == OperatorSession.operator_id)
        .join(Community, Community.id == Operator.community_id)
        .where(
            OperatorSession.token_hash == ids.hash_token(token),
            OperatorSession.expires_at > now,
            OperatorSession.seen_at > now - IDLE,
        )
    ).one_or_none()
    if row is None:
        return None
    who: Operator = row.Operator
    return SignedIn(
        session_id=row.id,
        operator_id=who.id,
        community_id=who.community_id,
        email=who.email,
        name=who.name,
        role=who.role,
        seen_at=row.seen_at,
        proved_at=row.proved_at,
        factor_required=row.operators_need_second_factor,
    )


def touch(session: Session, session_id: str) -> None:
    """Remember that this session's browser was here just now."""
    session.execute(
        update(OperatorSession).where(OperatorSession.id == session_id).values(seen_at=clock.now())
    )


def renew(session: Session, session_id: str, *, proved: bool = True) -> str | None:
    """Let a session go on under a new token, which is returned; None where it has ended.

    The old one is worth nothing. `proved`: its operator has just proved anew who they are, and a copy of the
    old token does not get the fresh proof.
    """
    token, now = ids.new_token(), clock.now()
    changes = {"token_hash": ids.hash_token(token), "seen_at": now} | ({"proved_at": now} if proved else {})
    renewed = session.execute(
        update(OperatorSession)
        .where(OperatorSession.id == session_id)
        .values(**changes)
        .returning(OperatorSession.id)
        .execution_options(synchronize_session=False)
    )
    return token if renewed.one_or_none() else None


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
