"""What can be done with the audit log, in terms of the session it is given."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import Insert, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.audit.models import AuditEntry
from msidp.db import core_of
from msidp.prepared import Prepared

_RECORD = Prepared(insert(AuditEntry))

WINDOW = 15 * clock.MINUTE  # of what is tallied


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which community, from where."""

    community_id: str
    type: Literal["api_key", "member", "operator", "command_line", "system"]
    id: str | None  # of the command line: the name of who is logged in at the machine
    address: str | None = None  # the IP address
    user_agent: str | None = None


def record(
    session: Session,
    actor: Actor,
    action: str,
    target_id: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Note what was done, in the transaction that does it.

    `action` is `<thing>.<past participle>` (member.created, webhook.secret_rotated). `details` name what
    changed, never secrets and nothing personal beyond ids.
    """
    core_of(session).run(_RECORD, _values(actor, action, target_id, details or {}))


def tally(session: Session, actor: Actor, action: str, target_id: str | None = None) -> int:
    """Note what somebody may repeat without end: one entry for a target in a quarter of an hour.

    Its address and browser are the latest. For no target (nobody's account) there is one as well, at the
    same cost. Returns how many times it has happened in this window.
    """
    key = f"{actor.community_id} {action} {target_id} {clock.now() // WINDOW}"
    values = _values(actor, action, target_id, {}) | {"tally_key": key}
    connection = session.connection()
    return int(connection.execute(_upsert(connection.dialect.name), values).scalar_one())


def about(session: Session, member_id: str, actions: Collection[str], limit: int) -> list[AuditEntry]:
    """The latest of these actions that concern a member's account, newest first."""
    statement = (
        select(AuditEntry)
        .where(AuditEntry.member_id == member_id, AuditEntry.action.in_(actions))
        .order_by(AuditEntry.seq.desc())
        .limit(limit)
    )
    return list(session.scalars(statement))


def all_about(session: Session, member_id: str) -> Iterator[AuditEntry]:
    """Everything that concerns a member's account, oldest first."""
    statement = select(AuditEntry).where(AuditEntry.member_id == member_id).order_by(AuditEntry.seq)
    yield from session.scalars(statement.execution_options(yield_per=200))


def _values(actor: Actor, action: str, target_id: str | None, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": ids.new_id("aud"),
        "community_id": actor.community_id,
        "at": clock.now(),
        "actor_type": actor.type,
        "actor_id": actor.id,
        "action": action,
        "target_id": target_id,
        "member_id": _member_of(actor, target_id, details),
        "address": actor.address,
        "user_agent": actor.user_agent,
        "details": details,
        "count": 1,
    }


def _member_of(actor: Actor, target_id: str | None, details: dict[str, Any]) -> str | None:
    """Whose account it is about: the target's, else the one that the details name, else the actor's own."""
    if target_id is not None and target_id.startswith("mem_"):
        return target_id
    named = details.get("memberId")
    if isinstance(named, str):
        return named
    return actor.id if actor.type == "member" else None


@cache
def _upsert(dialect: str) -> Insert:
    new = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(AuditEntry)
    once_more = {
        "count": AuditEntry.count + 1,
        "last_at": new.excluded.at,
        "address": new.excluded.address,
        "user_agent": new.excluded.user_agent,
    }
    return new.on_conflict_do_update(index_elements=["tally_key"], set_=once_more).returning(AuditEntry.count)
