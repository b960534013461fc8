"""Sessions of members: rows that say who is logged in with which browser, and until when.

A session ends 30 days after it began, or after 7 days without a visit, and earlier by the functions that
begin with `end`. They tell the listeners, in the same transaction: features above have tokens to revoke and
applications to tell. The token in the cookie is 256 random bits, stored as its hash.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session as DbSession

from msidp import clock, ids
from msidp.accounts.models import Session
from msidp.db import core_of
from msidp.errors import NotFound
from msidp.members.models import Member
from msidp.prepared import Prepared
from msidp.statements import delete_some

LIFETIME = 30 * clock.DAY
IDLE = 7 * clock.DAY
SEEN_EVERY = 5 * clock.MINUTE  # how exact `seen_at` is; each update is a write


_session: Any = Session.__table__
_START = Prepared(insert(_session))
_renew = (
    update(_session)
    .where(_session.c.id == bindparam("session"))
    .values(
        token_hash=bindparam("hash"),
        methods=bindparam("methods"),
        seen_at=bindparam("now"),
        address=bindparam("address"),
        user_agent=bindparam("user_agent"),
    )
    .returning(_session.c.authenticated_at)
)
_RENEW = Prepared(_renew)
_RENEW_ANEW = Prepared(_renew.values(authenticated_at=bindparam("now"), expires_at=bindparam("expires_at")))


@dataclass(frozen=True, slots=True)
class Login:
    """Who is logged in, since when (milliseconds), and by which methods (`amr`, RFC 8176).

    `locale` is the member's standard claim, where it is known.
    """

    session_id: str
    member_id: str
    authenticated_at: int
    methods: tuple[str, ...]
    seen_at: int
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just begun; the only moment its token is known."""

    login: Login
    token: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Sessions of one member that end now.

    `everywhere`: the member is logged out of everything but the session `kept`, so that what would
    outlive a session (offline access) ends too.
    """

    member_id: str
    session_ids: Sequence[str]
    everywhere: bool = False
    kept: str | None = None


Listener = Callable[[DbSession, Ended], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Have this function called before sessions are deleted, in every process that imports it."""
    if listener not in _listeners:
        _listeners.append(listener)


def start(
    session: DbSession,
    member: Member,
    methods: tuple[str, ...],
    *,
    address: str | None = None,
    user_agent: str | None = None,
) -> NewSession:
    """Begin a session for a member who has just proved who they are."""
    now = clock.now()
    token = ids.new_token()
    session_id = ids.new_id("ses")
    values = {
        "id": session_id,
        "community_id": member.community_id,
        "member_id": member.id,
        "token_hash": ids.hash_token(token),
        "authenticated_at": now,
        "methods": list(methods),
        "created_at": now,
        "seen_at": now,
        "expires_at": now + LIFETIME,
        "address": address,
        "user_agent": user_agent,
    }
    core_of(session).run(_START, values)
    return NewSession(Login(session_id, member.id, now, methods, now), token)


def renew(
    session: DbSession,
    login: Login,
    methods: tuple[str, ...],
    *,
    anew: bool,
    address: str | None = None,
    user_agent: str | None = None,
) -> NewSession | None:
    """Note what its member has proved since, under a new token; the old one is worthless.

    `anew` says that all of it was proved just now: then the session's time begins again. Else
    `authenticated_at` stays what it was, for one of the methods is as old as that. The session's id stays
    in any case, for applications know it as `sid`. None where the session has ended meanwhile.
    """
    now = clock.now()
    token = ids.new_token()
    values = {
        "session": login.session_id,
        "hash": ids.hash_token(token),
        "methods": list(methods),
        "now": now,
        "expires_at": now + LIFETIME,
        "address": address,
        "user_agent": user_agent,
    }
    renewed = core_of(session).one(_RENEW_ANEW if anew else _RENEW, values)
    if renewed is None:
        return None
    return NewSession(Login(login.session_id, login.member_id, renewed.authenticated_at, methods, now), token)


def find(session: DbSession, token: str) -> Login | None:
    """The live session with this token, of a member who still exists."""
    return _find(session, Session.token_hash == ids.hash_token(token))


def find_by_id(session: DbSession, session_id: str) -> Login | None:
    """The live session with this id, which a token that we signed has named."""
    return _find(session, Session.id == session_id)


def _find(session: DbSession, condition: ColumnElement[bool]) -> Login | None:
    row = session.execute(
        select(
            Session.id,
            Session.member_id,
            Session.authenticated_at,
            Session.methods,
            Session.seen_at,
            Member.profile["locale"].as_string().label("locale"),
        )
        .join(Member, Member.id == Session.member_id)
        .where(condition, is_live(clock.now()))
    ).one_or_none()
    if row is None:
        return None
    return Login(
        row.id, row.member_id, row.authenticated_at, tuple(row.methods), row.seen_at, row.locale or None
    )


def touch(session: DbSession, session_id: str) -> None:
    """Remember that this session's browser was here just now."""
    session.execute(update(Session).where(Session.id == session_id).values(seen_at=clock.now()))


def is_live(now: int) -> ColumnElement[bool]:
    """The condition of a session that still stands at this moment."""
    return (Session.expires_at > now) & (Session.seen_at > now - IDLE)


def list_of(session: DbSession, member_id: str) -> list[Session]:
    """The member's live sessions, newest first."""
    statement = select(Session).where(Session.member_id == member_id, is_live(clock.now()))
    return list(session.scalars(statement.order_by(Session.seq.desc())))


def end(session: DbSession, token: str) -> None:
    """End the session with this token, if there is one."""
    _end_single(session, Session.token_hash == ids.hash_token(token))


def end_one(session: DbSession, member_id: str, session_id: str) -> None:
    """End one session of this member's. Raises NotFound (`session-not-found`)."""
    if not _end_single(session, (Session.member_id == member_id) & (Session.id == session_id)):
        raise NotFound("session-not-found", "The member has no such session.")


def end_all(session: DbSession, member_id: str, *, kept: str | None = None) -> int:
    """Log a member out everywhere, but for the session `kept`, and end all offline access too.

    For whoever lost a device or a password, and where a member is deleted. Returns how many sessions ended.
    """
    others = Session.member_id == member_id
    if kept is not None:
        others &= Session.id != kept
    rows = _lock(session, others)
    _finish(session, Ended(member_id, [row.id for row in rows], everywhere=True, kept=kept))
    return len(rows)


def _end_single(session: DbSession, condition: ColumnElement[bool]) -> bool:
    for row in _lock(session, condition):
        _finish(session, Ended(row.member_id, [row.id]))
        return True
    return False


def _lock(session: DbSession, condition: ColumnElement[bool]) -> Sequence[Row[str, str]]:
    """The sessions to end, held, so that each is ended by one transaction alone."""
    statement = select(Session.id, Session.member_id).where(condition).order_by(Session.seq)
    return session.execute(statement.with_for_update()).all()


def _finish(session: DbSession, ended: Ended) -> None:
    for listener in _listeners:
        listener(session, ended)
    session.execute(delete(Session).where(Session.id.in_(ended.session_ids)))


def purge_expired(session: DbSession, now: int) -> int:
    """Delete some of the sessions that are over. Returns how many."""
    return delete_some(session, Session, Session.expires_at <= now)
