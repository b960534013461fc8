"""What the pages of the dashboard share: who may see them, how they are drawn, how forms come back.

A page needs the role `viewer`, and whatever changes something `admin`, unless it says otherwise with
`@needs` or is `@open_to_all`.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
)
from flask import session as form_session
from flask_wtf.csrf import CSRFError
from pydantic.alias_generators import to_snake
from werkzeug.wrappers import Response as BaseResponse

from msidp import clock, web
from msidp.accounts import continuation
from msidp.accounts.browser import place, read_cookie, send_cookie
from msidp.audit.service import Actor
from msidp.communities.guard import default_community_id
from msidp.communities.roles import Role, allows
from msidp.db import reading, transaction
from msidp.errors import BadRequest, Forbidden, NotFound, Problem
from msidp.operators import factors, sessions
from msidp.operators.sessions import SignedIn

View = TypeVar("View", bound=Callable[..., Any])
HOME = "/dashboard"
ACCOUNT = f"{HOME}/account"
CONFIRM = f"{HOME}/confirm"
COOKIE = "operator"

bp = Blueprint("dashboard", __name__, url_prefix="/dashboard")


def needs(role: Role) -> Callable[[View], View]:
    """Let only operators with this role (or a higher one) come to a page."""

    def mark(view: View) -> View:
        view.__dict__["role"] = role
        return view

    return mark


def open_to_all(view: View) -> View:
    """Let everybody come to a page: the ones that lead in."""
    view.__dict__["role"] = None
    return view


def asks_proof(at: str) -> Callable[[View], View]:
    """Ask for a fresh proof of who it is before a page, and lead on to the page `at` once it is given."""

    def mark(view: View) -> View:
        view.__dict__["proof_at"] = at
        return view

    return mark


def while_enrolling(view: View) -> View:
    """Let operators come to a page who have no second factor yet where each needs one."""
    view.__dict__["while_enrolling"] = True
    return view


def role_needed(view: Callable[..., Any], method: str) -> Role | None:
    """The role that a page needs; None for none."""
    needed: Role | None = view.__dict__.get("role", "viewer" if method in ("GET", "HEAD") else "admin")
    return needed


@bp.before_request
def guard() -> BaseResponse | None:
    """Send away who is not signed in, and who may not."""
    if request.endpoint is None or request.method == "OPTIONS":
        return None
    if request.method not in ("GET", "HEAD"):
        try:
            web.csrf.protect()
        except CSRFError as error:
            if request.headers.get("HX-Request"):
                return Response("This page is too old. Reload it.", 400)
            raise error
    needed = role_needed(current_app.view_functions[request.endpoint], request.method)
    if needed is None:
        return None
    who = signed_in()
    if who is None:
        return _to_sign_in()
    if any("\0" in value for value in request.args.values()):
        raise BadRequest("invalid-text", "The address holds a NUL character, which nothing here has.")
    if not allows(who.role, needed):
        raise Forbidden("forbidden", f"This needs the role {needed}; yours is {who.role}. Ask an owner.")
    return _to_prove(current_app.view_functions[request.endpoint], who)


def _to_prove(view: Callable[..., Any], who: SignedIn) -> BaseResponse | None:
    """Where an operator goes first who owes a factor, or a fresh proof; None for nowhere."""
    if who.factor_required and not view.__dict__.get("while_enrolling"):
        with reading() as session:
            owes = not factors.has_any(session, who.operator_id)
        if owes:
            return lead_away(f"{ACCOUNT}#second-factor")
    at: str | None = view.__dict__.get("proof_at")
    return None if at is None else proof_owed(who, at)


def proof_owed(who: SignedIn, at: str) -> BaseResponse | None:
    """Where an operator without a fresh proof goes first, to go on to the page `at`; None for nowhere."""
    return None if who.is_fresh() else lead_away(f"{CONFIRM}?{urlencode({'next': at})}")


def lead_away(path: str) -> BaseResponse:
    """Send the browser to another page, also where only a part of one was asked for."""
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": path})
    return redirect(path, 303)


def signed_in() -> SignedIn | None:
    """The operator whose browser this is. One query a request."""
    if "operator" not in g:
        g.operator = _find()
    found: SignedIn | None = g.operator
    return found


def operator() -> SignedIn:
    """The operator, on a page that is not open to all."""
    who = signed_in()
    assert who is not None, "the guard lets nobody else in"  # noqa: S101  # for the type alone
    return who


def actor() -> Actor:
    """The operator, as the actor of what this request does."""
    return actor_of(operator().operator_id)


def actor_of(operator_id: str | None) -> Actor:
    """An operator (None: nobody known), as the actor of what this request does before they are signed in."""
    return Actor(default_community_id(), "operator", operator_id, **place())


def page(template: str, status: int = 200, **context: Any) -> Response:
    """A page of the dashboard. `problem` (an error) is told at its head, and beside the fields it names."""
    problem: Problem | None = context.get("problem")
    errors = {field_of(detail): detail["message"] for detail in (problem.details or ())} if problem else {}
    frame = {"operator": signed_in(), "errors": errors, "problem": None}
    html = render_template(f"dashboard/{template}.html", **frame | context)
    response = Response(html, problem.status if problem else status, mimetype="text/html")
    if problem:
        response.headers.update(problem.headers)
    return response


def again(problem: Problem, show: Callable[..., BaseResponse], *given: Any, **context: Any) -> BaseResponse:
    """A form's page once more, with what was wrong. What is not there has no page: that stays a 404."""
    if isinstance(problem, NotFound):
        raise problem
    return show(*given, problem=problem, **context)


def field_of(detail: dict[str, str]) -> str:
    """The form's field that an error of the Admin API (`redirectUris.0`) is about."""
    return to_snake(detail["field"].partition(".")[0])


@bp.app_template_global()
def may(role: Role) -> bool:
    """Whether the operator may do what needs this role. A global of templates: macros ask it as well."""
    who = signed_in()
    return who is not None and allows(who.role, role)


def isolated(name: str) -> str:
    """A stranger's name within a sentence: its characters turn nothing but itself around (UAX #9)."""
    return f"\u2068{name}\u2069"


def done(message: str, path: str) -> BaseResponse:
    """Say that it worked, on the page at `path`."""
    flash(message)
    return redirect(path, 303)


def sign_in(token: str) -> None:
    """Give this browser an operator's session."""
    _end_present()
    form_session.clear()  # a form token planted before is worth nothing after
    send_cookie(COOKIE, token, sessions.LIFETIME)


def carry(token: str) -> None:
    """Let this browser's session go on under a new token."""
    send_cookie(COOKIE, token, sessions.LIFETIME)


def sign_out() -> None:
    """End this browser's session."""
    _end_present()
    form_session.clear()
    g.operator = None
    send_cookie(COOKIE, None)


def local_page(path: str | None) -> str:
    """The page to go on to: one of the dashboard, wherever the caller said."""
    local = continuation.local_path(path)
    return local if local and (local == HOME or local.startswith((HOME + "/", HOME + "?"))) else HOME


def _to_sign_in() -> BaseResponse:
    path = request.full_path.rstrip("?") if request.method == "GET" else HOME
    target = f"{HOME}/sign-in?{urlencode({'next': path})}" if path != HOME else f"{HOME}/sign-in"
    return lead_away(target)


def _find() -> SignedIn | None:
    token = read_cookie(COOKIE)
    if token is None:
        return None
    with reading() as session:
        found = sessions.find(session, token)
    if found is None or found.community_id != default_community_id():
        return None
    if found.seen_at < clock.now() - sessions.SEEN_EVERY:
        with transaction() as session:
            sessions.touch(session, found.session_id)
    return found


def _end_present() -> None:
    if token := read_cookie(COOKIE):
        with transaction() as session:
            sessions.end(session, token)
