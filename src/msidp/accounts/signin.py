"""What follows when a member has proved who they are, by whichever method: the one way into a session.

With the hosted pages it is this browser's, by its cookie (`sign_in`); with a site's own forms, which get a
token of it, nobody's yet (`let_in`).
"""

from urllib.parse import urlencode

from sqlalchemy.orm import Session

from msidp import metrics
from msidp.accounts import assurance, sessions, trail
from msidp.accounts.browser import Login, place, read_cookie, send_cookie, start_session
from msidp.accounts.factors import second_step, totp
from msidp.accounts.pages import HOME, next_path
from msidp.errors import Forbidden
from msidp.factors.second_step import LIFETIME, Waiting
from msidp.members import service as members
from msidp.members.models import Member
from msidp.words import words

SECOND_STEP = "/login/verify"


def sign_in(session: Session, member: Member, methods: tuple[str, ...]) -> str:
    """Take a member on who has just proved these methods (see `assurance`), in the transaction given.

    Where the account asks for a second factor that is not among them the browser waits for it, for ten
    minutes; else it is logged in. Returns the path to go on to.
    """
    next_ = next_path()
    if _lacks_a_factor(session, member, methods):
        token = second_step.begin(session, member.id, member.password_hash, methods)
        send_cookie("pending", token, LIFETIME)
        return SECOND_STEP + (f"?{urlencode({'next': next_})}" if next_ else "")
    end_waiting(session)
    members.record_login(session, member)
    _note(session, start_session(session, member, methods))
    return next_ or HOME


def let_in(session: Session, member: Member, methods: tuple[str, ...]) -> Login:
    """Begin a session that no cookie carries, for a member who has just proved these methods.

    Raises Forbidden (`second-factor-required`) where the account asks for one that is not among them:
    only the hosted pages ask for it.
    """
    if _lacks_a_factor(session, member, methods):
        message = words("This account asks for a second factor. Sign in by the sign-in page.")
        raise Forbidden("second-factor-required", message)
    members.record_login(session, member)
    login = sessions.start(session, member, methods, **place()).login
    metrics.count("msidp_logins", "succeeded")
    _note(session, login)
    return login


def _lacks_a_factor(session: Session, member: Member, methods: tuple[str, ...]) -> bool:
    return assurance.acr(methods) == assurance.ONE_FACTOR and totp.is_on(session, member.id)


def _note(session: Session, login: Login) -> None:
    trail.note(
        session,
        login.member_id,
        "member.logged_in",
        sessionId=login.session_id,
        methods=list(login.methods),
    )


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
