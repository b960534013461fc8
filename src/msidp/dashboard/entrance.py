"""The ways in: the one-time link that makes an operator, sign-in, sign-out."""

from typing import Any

from flask import redirect, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import strength, throttle
from msidp.accounts.assurance import PASSWORD
from msidp.accounts.browser import place
from msidp.audit import service as audit
from msidp.communities.guard import default_community_id
from msidp.dashboard import second_step
from msidp.dashboard.frame import (
    HOME,
    actor,
    actor_of,
    bp,
    local_page,
    needs,
    open_to_all,
    page,
    sign_in,
    sign_out,
    signed_in,
    while_enrolling,
)
from msidp.dashboard.proofs import KIND
from msidp.dashboard.second_step import sign_in_page
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem, Unauthorized
from msidp.members.emails import normalise
from msidp.operators import credentials, service, sessions
from msidp.operators.models import Operator, OperatorInvitation
from msidp.operators.service import NewOperator
from msidp.vault import passwords

MAX_NAME = 200


@bp.get("/setup")
@open_to_all
def show_setup() -> Response:
    """The form behind a set-up link. To look at it spends nothing: mail scanners look too."""
    invitation = _invitation()
    return _setup_page(invitation) if invitation else page("setup_over", 404)


@bp.post("/setup")
@open_to_all
def set_up() -> Response:
    """Become an operator, and sign in as one."""
    invitation = _invitation()
    if invitation is None:
        return page("setup_over", 404)
    try:
        new = _new_operator(invitation)
        with transaction() as session:
            operator = service.accept(session, _token(), new)
            if operator is None:
                return page("setup_over", 404)
            who = actor_of(operator.id)
            audit.record(session, who, "operator.created", operator.id, {"role": operator.role})
            token = sessions.start(session, operator, **place())
    except Problem as problem:
        return _setup_page(invitation, problem=problem, values=request.form)
    sign_in(token)
    return redirect(HOME, 303)


@bp.get("/sign-in")
@open_to_all
def show_sign_in() -> Response:
    if signed_in():
        return redirect(local_page(request.args.get("next")), 303)
    return sign_in_page(next=local_page(request.args.get("next")), email="", ready=_any_operator())


@bp.post("/sign-in")
@open_to_all
def submit_sign_in() -> Response:
    email, next_ = request.form.get("email", "").strip(), local_page(request.form.get("next"))
    try:
        return redirect(_prove(email, request.form.get("password", ""), next_), 303)
    except Problem as problem:
        return sign_in_page(problem=problem, next=next_, email=email[:320])


@bp.post("/sign-out")
@needs("viewer")
@while_enrolling
def submit_sign_out() -> Response:
    with transaction() as session:
        audit.record(session, actor(), "operator.signed_out", actor().id)
    sign_out()
    return redirect(f"{HOME}/sign-in", 303)


def _prove(email: str, password: str, next_: str) -> str:
    """Sign in, or ask for the second factor. Returns the path to go on to.

    Failures are throttled and on the audit log.
    """
    community_id = default_community_id()
    with throttle.attempt(_limits(community_id, email)) as attempt:
        operator_id = credentials.prove(community_id, email, password)
        with transaction() as session:
            found = (
                session.scalar(select(Operator).where(Operator.id == operator_id)) if operator_id else None
            )
            if found:
                return second_step.admit(session, found, PASSWORD, next_)
            tried = _whose(session, community_id, email)
            audit.tally(session, actor_of(None), "operator.sign_in_failed", tried)
        attempt.failed()
    raise Unauthorized("wrong-credentials", "The email address or the password is wrong.")


def _whose(session: Session, community_id: str, email: str) -> str | None:
    """The id of the operator with this address; None for nobody's, at the same cost."""
    try:
        known = service.find_by_email(session, community_id, email)
    except Invalid:
        known = None
    return known.id if known else None


def _limits(community_id: str, email: str) -> list[throttle.Limit]:
    try:
        account = f"{community_id} {normalise(email).key}"
    except Invalid:
        account = None
    return throttle.limits(account, request.remote_addr, KIND)


def _token() -> str:
    return request.values.get("token", "")


def _invitation() -> OperatorInvitation | None:
    with reading() as session:
        return service.find_invitation(session, _token())


def _any_operator() -> bool:
    with reading() as session:
        return service.exists_any(session, default_community_id())


def _setup_page(invitation: OperatorInvitation, **context: Any) -> Response:
    return page("setup", **{"invitation": invitation, "token": _token(), "values": {}, **context})


def _new_operator(invitation: OperatorInvitation) -> NewOperator:
    """What the form says. Raises Invalid with all that is wrong, Busy."""
    wrong: list[dict[str, Any]] = []
    email = invitation.email or request.form.get("email", "").strip()
    name = " ".join(request.form.get("name", "").split())
    password = request.form.get("password", "")
    for field, check in (
        ("email", lambda: normalise(email)),
        ("password", lambda: strength.check_new(password, (email, name))),
    ):
        try:
            check()
        except Invalid as problem:
            wrong.append({"field": field, "message": problem.message})
    if not name or len(name) > MAX_NAME or not name.isprintable():
        wrong.append({"field": "name", "message": f"Enter your name, at most {MAX_NAME} characters."})
    if wrong:
        raise Invalid("invalid", "Please check what you entered.", details=wrong)
    return NewOperator(email, name, passwords.hash_password(password))
