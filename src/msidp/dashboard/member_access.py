"""How a member gets in: where they are logged in, by what; log them out, take a lost second factor off."""

from typing import Any

from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import notices, sessions
from msidp.accounts.factors import passkeys, recovery, totp
from msidp.audit import service as audit
from msidp.dashboard.frame import HOME, actor, bp, done, operator
from msidp.db import transaction
from msidp.members import service

PATH = f"{HOME}/members"


def of(session: Session, member_id: str) -> dict[str, Any]:
    """What the member's page shows of it."""
    return {
        "sessions": sessions.list_of(session, member_id),
        "authenticator": totp.is_on(session, member_id),
        "recovery_codes": recovery.count(session, member_id),
        "passkeys": passkeys.list_of(session, member_id),
    }


@bp.post("/members/<member_id>/sessions/<session_id>/end")
def end_member_session(member_id: str, session_id: str) -> Response:
    """Log the member out of one browser; the applications are told."""
    with transaction() as session:
        service.get_member(session, operator().community_id, member_id)
        sessions.end_one(session, member_id, session_id)
        audit.record(session, actor(), "session.ended", session_id, {"memberId": member_id})
    return done("That browser is logged out.", f"{PATH}/{member_id}#access")


@bp.post("/members/<member_id>/sessions/end-all")
def end_member_sessions(member_id: str) -> Response:
    """Log the member out everywhere, offline access included; the applications are told."""
    with transaction() as session:
        service.get_member(session, operator().community_id, member_id)
        ended = sessions.end_all(session, member_id)
        audit.record(session, actor(), "member.logged_out", member_id, {"sessions": ended})
    return done("The member is logged out everywhere.", f"{PATH}/{member_id}#access")


@bp.post("/members/<member_id>/authenticator-app/remove")
def remove_member_app(member_id: str) -> Response:
    """Take the authenticator app and the recovery codes off; the member is told by mail."""
    with transaction() as session:
        member = service.get_member(session, operator().community_id, member_id)
        removed = totp.remove(session, member_id)
        if removed:
            recovery.clear(session, member_id)
            audit.record(session, actor(), "second_factor.removed", member_id)
            notices.tell(session, member, "authenticator_removed")
    message = "The authenticator app is taken off." if removed else "There was no authenticator app any more."
    return done(message, f"{PATH}/{member_id}#access")
