"""Members' sessions over the Admin API."""

from typing import Any

from msidp import clock
from msidp.accounts import sessions
from msidp.accounts.models import Session
from msidp.api import Answer, Data, Deleted, Page, PageQuery, answers, api, page_json, paginate
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.members import service as members

bp = AdminBlueprint("sessions", __name__, url_prefix="/members")
TAGS = ["members"]


class MemberSession(Answer):
    """A browser in which the member is logged in. `id` is the `sid` of tokens, but for those of applications
    with pairwise subjects; `methods` are their `amr`."""

    id: str
    created_at: str
    authenticated_at: str
    last_seen_at: str
    expires_at: str
    methods: list[str]
    address: str | None
    user_agent: str | None


class SessionsEnded(Answer):
    """How many sessions were ended."""

    ended: int


@bp.get("/<member_id>/sessions")
@api.validate(resp=answers(Page[MemberSession], 404), tags=TAGS)
def list_sessions(member_id: str, query: PageQuery) -> dict[str, Any]:
    """List where a member is logged in, oldest session first unless `order` says otherwise."""
    with reading() as session:
        members.get_member(session, caller().community_id, member_id)
        mine = [Session.member_id == member_id, sessions.is_live(clock.now())]
        rows, frame = paginate(session, Session, mine, query)
        return page_json(rows, frame, session_json)


@bp.delete("/<member_id>/sessions/<session_id>")
@api.validate(resp=answers(Data[Deleted], 404), tags=TAGS)
def end_session(member_id: str, session_id: str) -> dict[str, Any]:
    """Log a member out of one browser.

    The applications that it was logged in to are told (back-channel logout), and their tokens of this
    session end. Offline access stays.
    """
    with transaction() as session:
        members.get_member(session, caller().community_id, member_id)
        sessions.end_one(session, member_id, session_id)
        audit.record(session, key_holder(), "session.ended", session_id, {"memberId": member_id})
    return {"data": {"id": session_id}}


@bp.delete("/<member_id>/sessions")
@api.validate(resp=answers(Data[SessionsEnded], 404), tags=TAGS)
def end_sessions(member_id: str) -> dict[str, Any]:
    """Log a member out everywhere: every session ends, and every token that an application has of them.

    Offline access ends too. The applications are told.
    """
    with transaction() as session:
        members.get_member(session, caller().community_id, member_id)
        ended = sessions.end_all(session, member_id)
        audit.record(session, key_holder(), "member.logged_out", member_id, {"sessions": ended})
    return {"data": {"ended": ended}}


def session_json(row: Session) -> dict[str, Any]:
    """One session. Its token is known to the browser alone."""
    return {
        "id": row.id,
        "createdAt": clock.iso(row.created_at),
        "authenticatedAt": clock.iso(row.authenticated_at),
        "lastSeenAt": clock.iso(row.seen_at),
        "expiresAt": clock.iso(min(row.expires_at, row.seen_at + sessions.IDLE)),
        "methods": row.methods,
        "address": row.address,
        "userAgent": row.user_agent,
    }
