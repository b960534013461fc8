"""What can be done with accounts, in terms of the session it is given."""

from typing import cast

from sqlalchemy import CursorResult, delete, or_
from sqlalchemy.orm import Session as DbSession

from msidp.accounts import sessions
from msidp.accounts.models import Session


def purge_expired(session: DbSession, now: int) -> int:
    """Delete the sessions that are over. Returns how many."""
    over = or_(Session.expires_at <= now, Session.seen_at <= now - sessions.IDLE)
    return cast("CursorResult[object]", session.execute(delete(Session).where(over))).rowcount
