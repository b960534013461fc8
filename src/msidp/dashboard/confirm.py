"""A fresh proof of who it is, before what is grave."""

from typing import Any

from flask import redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import throttle
from msidp.dashboard import proofs
from msidp.dashboard.frame import CONFIRM, bp, carry, done, needs, operator, page, while_enrolling
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem, Unauthorized
from msidp.factors.forms import CodeForm
from msidp.factors.passkeys import refused
from msidp.operators import factors, sessions

CONFIRMED = "Thank you. What you were about to do can be done now."


@bp.get("/confirm")
@needs("viewer")
@while_enrolling
def show_confirm() -> Response:
    """Ask who it is once more, before what is grave."""
    return _confirm_page()


@bp.post("/confirm")
@needs("viewer")
@while_enrolling
def submit_confirm() -> Response:
    """Take the password; of who has a second factor, a code."""
    who, form = operator(), CodeForm.sent()
    try:
        if _has_factor(who.operator_id):
            with throttle.attempt(proofs.code_limits(who.operator_id)) as attempt, transaction() as session:
                if proofs.use_code(session, who.operator_id, form):
                    return _confirmed(session)
                attempt.failed()
            raise proofs.wrong(form)
        _prove_password()
        with transaction() as session:
            return _confirmed(session)
    except Problem as problem:
        return _confirm_page(problem=problem, by_recovery=form.by_recovery)


@bp.post("/confirm/passkey")
@needs("viewer")
@while_enrolling
def confirm_by_passkey() -> Response:
    """Take one of the operator's own passkeys."""
    who = operator()
    try:
        with throttle.attempt(throttle.limits(None, request.remote_addr, proofs.KIND)) as attempt:
            used = proofs.passkey_used(who.operator_id, attempt)
            with transaction() as session:
                if used.owner_id == who.operator_id and factors.passkeys.count_use(session, used):
                    return _confirmed(session)
            attempt.failed()
        raise refused()
    except Problem as problem:
        return _confirm_page(problem=problem)


def _prove_password() -> None:
    """Raises Invalid, Unauthorized, TooManyRequests, Busy."""
    who, password = operator(), request.form.get("password", "")
    if not password:
        message = "Enter your password."
        raise Invalid("invalid", message, details=[{"field": "password", "message": message}])
    if not proofs.is_password(who, password):
        message = "This is not your password."
        details = [{"field": "password", "message": message}]
        raise Unauthorized("wrong-credentials", message, details=details)


def _confirmed(session: Session) -> Response:
    token = sessions.renew(session, operator().session_id)
    if token is None:
        return redirect(proofs.start_again(), 303)
    carry(token)
    return done(CONFIRMED, proofs.next_path())


def _confirm_page(**context: Any) -> Response:
    frame = {"at": CONFIRM, "passkey_at": f"{CONFIRM}/passkey", **proofs.asked(operator().operator_id)}
    return page("confirm", **frame | context)


def _has_factor(operator_id: str) -> bool:
    with reading() as session:
        return factors.has_any(session, operator_id)
