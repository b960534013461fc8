"""All that is kept about a member, as JSON, written piece by piece."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import canonical, clock
from msidp.accounts import sessions
from msidp.accounts.factors import passkeys, totp
from msidp.audit import service as audit
from msidp.members import service as members
from msidp.members.views import member_json
from msidp.webhooks.models import Event

Section = Callable[[Session, str], Iterable[Any]]
"""What a feature keeps of the member with this id, each thing as JSON."""

_BATCH = 200  # rows read at once


def write(session: Session, community_id: str, member_id: str, more: dict[str, Section]) -> Iterator[str]:
    """The pieces of one JSON object. `more` are the sections of features above. Raises NotFound."""
    member = members.get_member(session, community_id, member_id)
    head = {"exportedAt": clock.iso(clock.now()), "member": member_json(member, include_json=True)}
    yield canonical.dumps(head)[:-1]
    for name, section in {**_SECTIONS, **more}.items():
        yield f',"{name}":['
        for number, thing in enumerate(section(session, member_id)):
            yield ("," if number else "") + canonical.dumps(thing)
        yield "]"
    yield "}"


def _sessions(session: Session, member_id: str) -> Iterator[Any]:
    for row in sessions.list_of(session, member_id):
        yield {
            "createdAt": clock.iso(row.created_at),
            "lastSeenAt": clock.iso(row.seen_at),
            "methods": row.methods,
            "address": row.address,
            "userAgent": row.user_agent,
        }


def _factors(session: Session, member_id: str) -> Iterator[Any]:
    if totp.is_on(session, member_id):
        yield {"type": "authenticator app"}
    for row in passkeys.list_of(session, member_id):
        used = clock.iso_or_none(row.used_at)
        yield {"type": "passkey", "name": row.name, "createdAt": clock.iso(row.created_at), "usedAt": used}


def _events(session: Session, member_id: str) -> Iterator[Any]:
    statement = select(Event).where(Event.member_id == member_id).order_by(Event.seq)
    for row in session.scalars(statement.execution_options(yield_per=_BATCH)):
        yield {"type": row.type, "at": clock.iso(row.occurred_at), "data": row.data}


def _activity(session: Session, member_id: str) -> Iterator[Any]:
    """What the audit log has on the account; of others who acted on it, not who and where they are."""
    for row in audit.all_about(session, member_id):
        own = row.actor_type == "member"
        yield {
            "action": row.action,
            "at": clock.iso(row.at),
            "lastAt": clock.iso(row.last_at or row.at),
            "count": row.count,
            "by": row.actor_type,
            "address": row.address if own else None,
            "userAgent": row.user_agent if own else None,
            "details": row.details,
        }


_SECTIONS: dict[str, Section] = {
    "sessions": _sessions,
    "factors": _factors,
    "activity": _activity,
    "events": _events,
}
