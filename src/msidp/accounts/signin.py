"""What follows when a member has proved who they are, by whichever method: the one way into a session."""

from urllib.parse import urlencode

from sqlalchemy.orm import Session

from msidp.accounts import assurance, trail
from msidp.accounts.browser import read_cookie, send_cookie, start_session
from msidp.accounts.factors import second_step, totp
from msidp.accounts.pages import HOME, next_path
from msidp.factors.second_step import LIFETIME, Waiting
from msidp.members import service as members
from msidp.members.models import Member

SECOND_STEP = "/login/verify"


def sign_in(session: Session, member: Member, methods: tuple[str, ...]) -> str:
    """Take a member on who has just proved these methods (see `assurance`), in the transaction given.

    Where the account asks for a second factor that is not among them the browser waits for it, for ten
    minutes; else it is logged in. Returns the path to go on to.
    """
    next_ = next_path()
    if assurance.acr(methods) == assurance.ONE_FACTOR and totp.is_on(session, member.id):
        token = second_step.begin(session, member.id, member.password_hash, methods)
        send_cookie("pending", token, LIFETIME)
        return SECOND_STEP + (f"?{urlencode({'next': next_})}" if next_ else "")
    end_waiting(session)
    members.record_login(session, member)
    login = start_session(session, member, methods)
    trail.note(session, member.id, "member.logged_in", sessionId=login.session_id, methods=list(methods))
    return next_ or HOME


def waiting(session: Session) -> Waiting | None:
    """Who waits in this browser for the second step."""
    token = read_cookie("pending")
    return second_step.find(session, token) if token else None


def end_waiting(session: Session) -> bool:
    """End this browser's waiting; true for one caller alone."""
    token = read_cookie("pending")
    if token is None:
        return False
    send_cookie("pending", None)
    return second_step.end(session, token)
