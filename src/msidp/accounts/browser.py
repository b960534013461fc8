"""This request's browser: who is logged in with it, and the cookie that says so."""

from urllib.parse import urlencode

from flask import Response, after_this_request, current_app, g, request
from flask import session as form_session
from sqlalchemy.orm import Session

from msidp import clock, web
from msidp.accounts import sessions
from msidp.accounts.continuation import local_path
from msidp.accounts.sessions import Login
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.members import service as members
from msidp.members.models import Member
from msidp.settings import Settings

__all__ = ["Login", "current_login", "current_member", "end_session", "login_url", "start_session"]


def current_login() -> Login | None:
    """Who is logged in with this browser; None for nobody. One query a request."""
    if "login" not in g:
        g.login = _find_login()
    found: Login | None = g.login
    return found


def current_member() -> Member | None:
    """The member who is logged in with this browser."""
    login = current_login()
    if login is None:
        return None
    with reading() as session:
        return members.find(session, default_community_id(), login.member_id)


def login_url(next_: str, *, login_hint: str | None = None, signup: bool = False) -> str:
    """The path of the log-in page (or the sign-up page) that leads on to `next_`, a local path.

    The page asks even a logged-in member to log in again when an application waits at `next_`: whoever
    sends them there has found their log-in too old, or not the one that was asked for.
    """
    query = {"next": local_path(next_), "login_hint": login_hint}
    pairs = {name: value for name, value in query.items() if value}
    return ("/signup" if signup else "/login") + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def start_session(session: Session, member: Member, methods: tuple[str, ...]) -> Login:
    """Log this browser in as the member, in the transaction given.

    The browser's former session ends and its token is never used again, so that a token planted before
    the log-in is worth nothing after it. The CSRF token is renewed for the same reason.
    """
    _end_present(session)
    started = sessions.start(
        session, member, methods, address=request.remote_addr, user_agent=_clean_user_agent()
    )
    g.login = started.login
    _send_cookie(started.token)
    return started.login


def end_session(session: Session) -> None:
    """Log this browser out, in the transaction given."""
    _end_present(session)
    g.login = None
    _send_cookie(None)


def _find_login() -> Login | None:
    token = request.cookies.get(_cookie_name())
    if not token:
        return None
    with reading() as session:
        login = sessions.find(session, token)
    if login and login.seen_at < clock.now() - sessions.SEEN_EVERY:
        with transaction() as session:
            sessions.touch(session, login.session_id)
    return login


def _end_present(session: Session) -> None:
    if token := request.cookies.get(_cookie_name()):
        sessions.end(session, token)
    form_session.clear()


def _send_cookie(token: str | None) -> None:
    """Set the cookie on the answer, or delete it."""

    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(
            _cookie_name(),
            token or "",
            max_age=sessions.LIFETIME // clock.SECOND if token else 0,
            path="/",
            secure=_settings().secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def _clean_user_agent() -> str | None:
    text = "".join(character for character in request.user_agent.string if character.isprintable())
    return text[:300] or None


def _cookie_name() -> str:
    return web.cookie_name(_settings(), "session")


def _settings() -> Settings:
    settings: Settings = current_app.extensions["msidp_settings"]
    return settings
