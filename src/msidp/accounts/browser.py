"""This request's browser: who is logged in with it, and the cookie that says so."""

from typing import TypedDict
from urllib.parse import urlencode

from flask import Response, after_this_request, current_app, g, request
from flask import session as form_session
from sqlalchemy.orm import Session

from msidp import clock, metrics, web
from msidp.accounts import sessions
from msidp.accounts.continuation import local_path
from msidp.accounts.sessions import Login, NewSession
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.members import service as members
from msidp.members.models import Member
from msidp.negotiation import PARAMETER, asked_here
from msidp.settings import Settings

__all__ = [
    "Login",
    "add_methods",
    "current_login",
    "current_member",
    "end_session",
    "login_url",
    "read_cookie",
    "send_cookie",
    "start_session",
]


class Place(TypedDict):
    """Where a session's browser is, as far as the request tells."""

    address: str | None
    user_agent: str | None


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


def login_url(next_: str, *, login_hint: str | None = None, signup: bool = False, again: bool = False) -> str:
    """The path of the log-in page (or the sign-up page) that leads on to `next_`, a local path.

    The page asks even a logged-in member to log in again when an application waits at `next_`: whoever
    sends them there has found their log-in too old, or not the one that was asked for. `again` asks so for
    a page of this site. The form begins with the address of who is logged in, unless there is a hint; an
    empty hint leaves it empty.
    """
    query = {
        "next": local_path(next_),
        "login_hint": login_hint,
        "again": "1" if again else None,
        PARAMETER: asked_here(),
    }
    pairs = {name: value for name, value in query.items() if value is not None}
    return ("/signup" if signup else "/login") + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def start_session(session: Session, member: Member, methods: tuple[str, ...]) -> Login:
    """Log this browser in as the member, in the transaction given.

    Whatever token the browser came with is never used again, so that one planted before the log-in is
    worth nothing after it. Another member's session ends; the member's own goes on under a new token. The
    CSRF token is renewed for the same reason.
    """
    login = current_login()
    started = None
    if login and login.member_id == member.id:
        started = sessions.renew(session, login, methods, anew=True, **place())
    if started is None:
        _end_present(session)
        started = sessions.start(session, member, methods, **place())
    metrics.count("msidp_logins", "succeeded")
    return _carry(started)


def add_methods(session: Session, login: Login, methods: tuple[str, ...]) -> Login | None:
    """Note that the member who is logged in with this browser has proved more, under a new token.

    None where the session has ended meanwhile.
    """
    together = tuple(dict.fromkeys([*login.methods, *methods]))
    renewed = sessions.renew(session, login, together, anew=False, **place())
    return _carry(renewed) if renewed else None


def end_session(session: Session) -> None:
    """Log this browser out, in the transaction given."""
    _end_present(session)
    form_session.clear()
    g.login = None
    send_cookie("session", None)


def send_cookie(name: str, value: str | None, lifetime: int = 0) -> None:
    """Set a cookie on the answer for so many milliseconds, or delete it. Scripts do not see it."""
    settings = _settings()

    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(
            web.cookie_name(settings, name),
            value or "",
            max_age=lifetime // clock.SECOND if value else 0,
            path="/",
            secure=settings.secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def read_cookie(name: str) -> str | None:
    """A cookie that send_cookie set."""
    return request.cookies.get(web.cookie_name(_settings(), name)) or None


def _carry(started: NewSession) -> Login:
    form_session.clear()
    g.login = started.login
    send_cookie("session", started.token, sessions.LIFETIME)
    return started.login


def place() -> Place:
    """What a session remembers of this request's browser."""
    return {"address": request.remote_addr, "user_agent": _clean_user_agent()}


def _find_login() -> Login | None:
    token = read_cookie("session")
    if token is None:
        return None
    with reading() as session:
        login = sessions.find(session, token)
    if login and login.seen_at < clock.now() - sessions.SEEN_EVERY:
        with transaction() as session:
            sessions.touch(session, login.session_id)
    return login


def _end_present(session: Session) -> None:
    if token := read_cookie("session"):
        sessions.end(session, token)


def _clean_user_agent() -> str | None:
    text = "".join(character for character in request.user_agent.string if character.isprintable())
    return text[:300] or None


def _settings() -> Settings:
    settings: Settings = current_app.extensions["msidp_settings"]
    return settings
