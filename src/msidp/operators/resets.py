"""Forgotten passwords of operators: a link, by mail or from the server, and a new password in return.

The password alone: who has a second factor is asked for it at the sign-in that follows.
"""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from msidp import clock, ids, languages
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.mail import outbox
from msidp.members.emails import Email
from msidp.operators import notices, service, sessions
from msidp.operators.models import Operator, OperatorReset
from msidp.statements import delete_some

LIFETIME = clock.HOUR


@dataclass(frozen=True, slots=True)
class Issued:
    """A link's token just made; the only moment it is known."""

    token: str
    expires_at: int


def issue(session: Session, operator_id: str | None) -> Issued:
    """Make a link for an operator; former ones of theirs end. For nobody (None) the same work in vain."""
    session.execute(delete(OperatorReset).where(OperatorReset.operator_id == operator_id))
    token, expires_at = ids.new_token(), clock.now() + LIFETIME
    session.add(
        OperatorReset(token_hash=ids.hash_token(token), operator_id=operator_id, expires_at=expires_at)
    )
    session.flush()
    return Issued(token, expires_at)


def ask(session: Session, nobody: Actor, email: Email) -> None:
    """Mail a link to the operator with this address, and note that `nobody` in particular asked."""
    found = service.find_by_email(session, nobody.community_id, email.address)
    issued = issue(session, found.id if found else None)
    outbox.send(
        session,
        community_id=nobody.community_id,
        to=found.email if found else None,
        template="operator_reset",
        context={"token": issued.token, "email": found.email if found else email.address},
        expires_at=issued.expires_at,
        language=languages.SOURCE,  # as the dashboard
    )
    audit.tally(session, nobody, "operator.password_reset_requested", found.id if found else None)


def find(session: Session, token: str) -> Operator | None:
    """Whose link this is, while it is good. To look at it spends nothing."""
    return session.scalar(
        select(Operator)
        .join(OperatorReset, OperatorReset.operator_id == Operator.id)
        .where(OperatorReset.token_hash == ids.hash_token(token), OperatorReset.expires_at > clock.now())
    )


def finish(session: Session, token: str, password_hash: str, actor: Actor) -> Operator | None:
    """Set the new password, end every session, tell the operator; None where the link is over."""
    found = find(session, token)
    if found is None:
        return None
    spent = session.execute(
        delete(OperatorReset)
        .where(OperatorReset.token_hash == ids.hash_token(token))
        .returning(OperatorReset.token_hash)
        .execution_options(synchronize_session=False)
    )
    if spent.one_or_none() is None:  # another request was faster
        return None
    found.password_hash = password_hash
    session.flush()
    session.execute(delete(OperatorReset).where(OperatorReset.operator_id == found.id))
    sessions.end_all(session, found.id)
    audit.record(session, actor, "operator.password_reset", found.id)
    notices.tell(session, found, "password_reset", address=actor.address, user_agent=actor.user_agent)
    return found


def purge_expired(session: Session, now: int) -> int:
    """Delete some of the links that are over. Returns how many."""
    return delete_some(session, OperatorReset, OperatorReset.expires_at <= now)
