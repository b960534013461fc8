"""The hosted pages: sign in, sign up, sign out, account. Plain forms; no script is needed.

A form that cannot be done comes back with what was wrong: 401 for a refused log-in, 422 for a sign-up
that cannot be, 429 throttled, 503 busy, 400 for a form from elsewhere or too old.
"""

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from msidp.accounts import assurance, credentials, service, signin, throttle, trail
from msidp.accounts.browser import current_login, current_member, end_session, login_url
from msidp.accounts.continuation import resolve
from msidp.accounts.credentials import Proof
from msidp.accounts.forms import LoginForm, SignupForm
from msidp.accounts.mailed import addresses, asking, sign_up
from msidp.accounts.pages import (
    HOME,
    check_origin,
    day,
    exact,
    go_on,
    hint,
    invalid,
    next_path,
    page,
    page_again,
)
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Conflict, Invalid, Problem, Unauthorized
from msidp.members.emails import normalise
from msidp.vault.passwords import hash_password
from msidp.words import words

_DONE = {
    "profile": words("Your profile is saved."),
    "password": words("Your password is changed."),
    "photo": words("Your photo is changed."),
}

bp = Blueprint("accounts", __name__)
bp.add_app_template_filter(day)
bp.add_app_template_filter(exact, "moment")


@bp.get("/")
def home() -> Response:
    return redirect(HOME if current_login() else "/login", 303)


@bp.get("/login")
def login() -> Response | str:
    return _leave() or page("login", email=_expected_address(), again="again" in request.args)


@bp.post("/login")
def submit_login() -> Response:
    form = LoginForm.sent()
    try:
        check_origin()
        if errors := form.errors():
            raise invalid(errors)
        return _log_in(_prove(form))
    except Problem as problem:
        return page_again("login", problem, form)


@bp.get("/signup")
def signup() -> Response | str:
    return _leave() or page("signup", email=hint() or "")


@bp.post("/signup")
def submit_signup() -> Response:
    form = SignupForm.sent()
    try:
        check_origin()
        if errors := form.errors():
            raise invalid(errors)
        return _sign_up(form)
    except Problem as problem:
        return page_again("signup", problem, form)


@bp.get("/logout")
def logout() -> str:
    return page("logout", member=current_member(), deleted="deleted" in request.args)


@bp.post("/logout")
def submit_logout() -> Response:
    try:
        check_origin()
    except Problem as problem:
        return page_again("logout", problem, member=current_member())
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
    return page("account", member=member, plans=plans, done=_DONE.get(request.args.get("done", "")))


def _prove(form: LoginForm) -> Proof:
    with throttle.attempt(_limits(form)) as attempt:
        proof = credentials.prove(default_community_id(), form.email, form.password)
        if proof is None:
            attempt.failed()
            trail.refused("password.refused", form.email)
            raise _refused()
        return proof


def _log_in(proof: Proof) -> Response:
    with transaction() as session:
        member = service.redeem(session, proof)
        if member is None:
            raise _refused()
        way = signin.sign_in(session, member, assurance.PASSWORD)
    return redirect(way, 303)


def _sign_up(form: SignupForm) -> Response:
    if asking.settings().sign_up_proof:
        return _ask_for_proof(form)
    with throttle.attempt(_limits(form)) as attempt:
        try:
            return _let_in(form)
        except Conflict as conflict:
            attempt.failed()
            trail.refused("password.refused", form.email)
            raise Invalid(conflict.code, conflict.message) from None


def _let_in(form: SignupForm) -> Response:
    """Make the account at once. Raises Conflict where the address has one, with another password."""
    community_id = default_community_id()
    ready = credentials.prepare_account(community_id, form.email, form.password, form.name or None)
    if isinstance(ready, Proof):
        return _log_in(ready)
    with transaction() as session:
        member = service.sign_up(session, community_id, ready)
        addresses.ask_for_proof(session, member)
        way = signin.sign_in(session, member, assurance.PASSWORD)
    return redirect(way, 303)


def _ask_for_proof(form: SignupForm) -> Response:
    """Mail how to go on: the answer and the work tell nobody whether the address has an account."""
    address = normalise(form.email)
    asking.count_mail(address)
    password_hash = hash_password(form.password)
    with transaction() as session:
        sign_up.ask(
            session,
            default_community_id(),
            address,
            password_hash=password_hash,
            name=form.name or None,
            asker=asking.asker(),
        )
    return current_app.make_response(page("signup_sent", email=address.address))


def _limits(form: LoginForm) -> list[throttle.Limit]:
    """What throttles this attempt."""
    return throttle.password_limits(default_community_id(), form.email, request.remote_addr)


def _refused() -> Unauthorized:
    return Unauthorized("wrong-credentials", words("The email address or the password is wrong."))


def _leave() -> Response | None:
    """The way out for who is logged in already; None where a new log-in is asked for."""
    if current_login() is None or resolve(next_path()) or "again" in request.args:
        return None
    return go_on()


def _expected_address() -> str:
    """The address the form begins with: the application's hint, else that of who is logged in."""
    if "login_hint" in request.args:
        return hint() or ""
    member = current_member()
    return member.email if member else ""
