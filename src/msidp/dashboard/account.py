"""The operator's own account: password, sessions."""

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from msidp.accounts import devices
from msidp.audit import service as audit
from msidp.dashboard import proofs
from msidp.dashboard.frame import ACCOUNT, actor, bp, carry, done, needs, operator, page, while_enrolling
from msidp.dashboard.input import new_password
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.factors.ceremonies import site
from msidp.operators import factors, notices, service, sessions

PATH = ACCOUNT


@bp.get("/account")
@while_enrolling
def account() -> Response:
    return account_page()


@bp.post("/account/password")
@needs("viewer")
@while_enrolling
def change_own_password() -> Response:
    """Change one's password; every other session ends."""
    who = operator()
    try:
        if not proofs.is_password(who, request.form.get("current", "")):
            message = "This is not your present password."
            raise Invalid("wrong-password", message, details=[{"field": "current", "message": message}])
        password_hash = new_password(request.form, who)
        with transaction() as session:
            person = service.change_password(session, who.operator_id, password_hash, who.session_id)
            # A new token: a copy of the old one may be why the password changes.
            token = sessions.renew(session, who.session_id, proved=False)
            audit.record(session, actor(), "operator.password_changed", who.operator_id)
            device = devices.describe(request.user_agent.string)
            notices.tell(session, person, "password_changed", address=request.remote_addr, user_agent=device)
    except Problem as problem:
        return account_page(problem=problem)
    if token is not None:
        carry(token)
    return done("Your password is changed; you are signed out everywhere else.", PATH)


@bp.post("/account/sessions/end-others")
@needs("viewer")
@while_enrolling
def end_other_sessions() -> Response:
    """Sign out everywhere but here."""
    who = operator()
    with transaction() as session:
        sessions.end_others(session, who.operator_id, who.session_id)
        audit.record(session, actor(), "operator.sessions_ended", who.operator_id)
    return done("You are signed out everywhere else.", PATH)


def account_page(**context: Any) -> Response:
    """The operator's account; `context` goes before what the page says by itself."""
    operator_id = operator().operator_id
    with reading() as session:
        frame: dict[str, Any] = {
            "sessions": sessions.list_live(session, operator_id),
            "authenticator": factors.totp.is_on(session, operator_id),
            "passkeys": factors.passkeys.list_of(session, operator_id),
            "recovery_codes": factors.recovery.count(session, operator_id),
            "passkeys_possible": site() is not None,
        }
    return page("account", **frame | context)
