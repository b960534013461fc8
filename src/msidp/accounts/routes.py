"""The hosted pages: sign in, sign up, sign out, account. Plain forms; no script is needed.

A form that cannot be done comes back with what was wrong: 401 for a refused log-in, 422 for a sign-up
that cannot be, 429 throttled, 503 busy, 400 for a form from elsewhere or too old.
"""

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from msidp import web
from msidp.accounts import credentials, service, throttle
from msidp.accounts.browser import current_login, current_member, end_session, login_url, start_session
from msidp.accounts.continuation import local_path, resolve
from msidp.accounts.credentials import Proof
from msidp.accounts.forms import LoginForm, SignupForm
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import BadRequest, Conflict, Invalid, Problem, Unauthorized
from msidp.members.emails import normalise
from msidp.settings import Settings

bp = Blueprint("accounts", __name__)
HOME = "/account"


@bp.get("/")
def home() -> Response:
    return redirect(HOME if current_login() else "/login", 303)


@bp.get("/login")
def login() -> Response | str:
    return _leave() or _page("login", email=_expected_address())


@bp.post("/login")
def submit_login() -> Response:
    form = LoginForm.sent()
    try:
        _check_origin()
        if errors := form.errors():
            raise _invalid(errors)
        return _log_in(_prove(form))
    except Problem as problem:
        return _page_again("login", problem, form)


@bp.get("/signup")
def signup() -> Response | str:
    return _leave() or _page("signup", email=_hint() or "")


@bp.post("/signup")
def submit_signup() -> Response:
    form = SignupForm.sent()
    try:
        _check_origin()
        if errors := form.errors():
            raise _invalid(errors)
        return _sign_up(form)
    except Problem as problem:
        return _page_again("signup", problem, form)


@bp.get("/logout")
def logout() -> str:
    return _page("logout", member=current_member())


@bp.post("/logout")
def submit_logout() -> Response:
    try:
        _check_origin()
    except Problem as problem:
        return _page_again("logout", problem, member=current_member())
    with transaction() as session:
        end_session(session)
    return redirect("/logout", 303)


@bp.get("/account")
def account() -> Response | str:
    member = current_member()
    if member is None:
        return redirect(login_url(HOME), 303)
    with reading() as session:
        plans = service.plans_of(session, member.id)
    return _page("account", member=member, plans=plans)


def _prove(form: LoginForm) -> Proof:
    limits = _limits(form)
    throttle.check(limits)
    proof = credentials.prove(default_community_id(), form.email, form.password)
    if proof is None:
        throttle.record_failure(limits)
        raise _refused()
    return proof


def _log_in(proof: Proof) -> Response:
    with transaction() as session:
        member = service.log_in(session, proof)
        if member is None:
            raise _refused()
        start_session(session, member, ("pwd",))
    return _go_on()


def _sign_up(form: SignupForm) -> Response:
    limits = _limits(form)
    throttle.check(limits)
    community_id = default_community_id()
    try:
        ready = credentials.prepare_account(community_id, form.email, form.password, form.name or None)
        if isinstance(ready, Proof):
            return _log_in(ready)
        with transaction() as session:
            start_session(session, service.sign_up(session, community_id, ready), ("pwd",))
    except Conflict as conflict:
        throttle.record_failure(limits)
        raise Invalid(conflict.code, conflict.message) from None
    return _go_on()


def _check_origin() -> None:
    """Refuse a form from another site, or one whose token is no longer good. Raises BadRequest."""
    try:
        web.csrf.protect()
    except CSRFError:
        message = "This page had been open for too long, or your browser keeps no cookies. Please try again."
        raise BadRequest("csrf", message) from None


def _limits(form: LoginForm) -> list[throttle.Limit]:
    """What throttles this attempt; nothing where throttles are switched off."""
    settings: Settings = current_app.extensions["msidp_settings"]
    if not settings.rate_limits:
        return []
    try:
        account = f"{default_community_id()} {normalise(form.email).key}"
    except Invalid:
        account = None
    return throttle.limits(account, request.remote_addr)


def _refused() -> Unauthorized:
    return Unauthorized("wrong-credentials", "The email address or the password is wrong.")


def _invalid(errors: dict[str, str]) -> Invalid:
    details = [{"field": name, "message": text} for name, text in errors.items()]
    return Invalid("invalid", "Please check what you entered.", details=details)


def _next() -> str | None:
    return local_path(request.values.get("next"))


def _go_on() -> Response:
    return redirect(_next() or HOME, 303)


def _leave() -> Response | None:
    """The way out for who is logged in already; None where an application asks for a new log-in."""
    if current_login() is None or resolve(_next()):
        return None
    return _go_on()


def _expected_address() -> str:
    """The address the form begins with: the application's hint, else that of who is logged in."""
    if hint := _hint():
        return hint
    member = current_member()
    return member.email if member else ""


def _hint() -> str | None:
    """The address that the application expects."""
    return request.args.get("login_hint", "")[:320] or None


def _page(template: str, **context: Any) -> str:
    """A page that knows where it leads on to; its form may end at the application's origin."""
    next_ = _next()
    ahead = resolve(next_)
    if ahead and ahead.form_target:
        web.allow_form_target(ahead.form_target)
    frame: dict[str, Any] = {
        "problem": None,
        "errors": {},
        "next": next_,
        "ahead": ahead,
        "hint": _hint(),
        "login_url": login_url,
    }
    return render_template(f"accounts/{template}.html", **frame | context)


def _page_again(template: str, problem: Problem, form: LoginForm | None = None, **context: Any) -> Response:
    """The page once more, with what was wrong. It keeps what was typed, but for the password."""
    errors = {detail["field"]: detail["message"] for detail in problem.details or ()}
    echo = form.echo() if form else {}
    page = _page(template, problem=problem.message, errors=errors, **echo, **context)
    response = current_app.make_response((page, problem.status))
    response.headers.update(problem.headers)
    return response
