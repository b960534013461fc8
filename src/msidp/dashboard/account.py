"""The operator's own account: password, sessions."""

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from msidp.accounts import strength
from msidp.audit import service as audit
from msidp.communities.guard import default_community_id
from msidp.dashboard.frame import HOME, actor, bp, done, needs, operator, page
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.operators import credentials, service, sessions
from msidp.vault import passwords

PATH = f"{HOME}/account"


@bp.get("/account")
def account() -> Response:
    return _page()


@bp.post("/account/password")
@needs("viewer")
def change_own_password() -> Response:
    """Change one's password; every other session ends."""
    who = operator()
    try:
        if credentials.prove(default_community_id(), who.email, request.form.get("current", "")) is None:
            message = "This is not your present password."
            raise Invalid("wrong-password", message, details=[{"field": "current", "message": message}])
        password_hash = _new_password()
        with transaction() as session:
            service.change_password(session, who.operator_id, password_hash, who.session_id)
            audit.record(session, actor(), "operator.password_changed", who.operator_id)
    except Problem as problem:
        return _page(problem=problem)
    return done("Your password is changed; you are signed out everywhere else.", PATH)


@bp.post("/account/sessions/end-others")
@needs("viewer")
def end_other_sessions() -> Response:
    """Sign out everywhere but here."""
    who = operator()
    with transaction() as session:
        sessions.end_others(session, who.operator_id, who.session_id)
        audit.record(session, actor(), "operator.sessions_ended", who.operator_id)
    return done("You are signed out everywhere else.", PATH)


def _new_password() -> str:
    new = request.form.get("password", "")
    try:
        strength.check_new(new, (operator().email, operator().name))
        return passwords.hash_password(new)
    except Invalid as problem:
        details = [{"field": "password", "message": problem.message}]
        raise Invalid(problem.code, problem.message, details=details) from None


def _page(**context: Any) -> Response:
    with reading() as session:
        found = sessions.list_live(session, operator().operator_id)
    return page("account", sessions=found, **context)
