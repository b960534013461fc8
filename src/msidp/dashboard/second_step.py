"""The second step of a sign-in to the dashboard, and passkeys, which are both steps at once."""

from typing import Any
from urllib.parse import urlencode

from flask import redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import assurance, throttle
from msidp.accounts.browser import place, read_cookie, send_cookie
from msidp.audit import service as audit
from msidp.dashboard import proofs
from msidp.dashboard.frame import HOME, actor_of, bp, open_to_all, page, sign_in
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.factors.forms import CodeForm
from msidp.factors.passkeys import refused
from msidp.factors.second_step import LIFETIME
from msidp.operators import factors, sessions
from msidp.operators.models import Operator

COOKIE = "operator_pending"
VERIFY = f"{HOME}/sign-in/verify"


def admit(session: Session, found: Operator, methods: tuple[str, ...], next_: str) -> str:
    """Take an operator on who has just proved these methods, in the transaction given.

    Where they have a second factor that is not among them, the browser waits for it. Returns the path to go
    on to.
    """
    if assurance.acr(methods) == assurance.ONE_FACTOR and factors.has_any(session, found.id):
        token = factors.second_step.begin(session, found.id, found.password_hash, methods)
        send_cookie(COOKIE, token, LIFETIME)
        return f"{VERIFY}?{urlencode({'next': next_})}"
    audit.record(session, actor_of(found.id), "operator.signed_in", found.id, {"methods": list(methods)})
    sign_in(sessions.start(session, found, **place()))
    return next_


def sign_in_page(**context: Any) -> Response:
    """The page that asks who it is."""
    return page("sign_in", **{"ready": True, "next": HOME, "email": "", **context})


@bp.get("/sign-in/verify")
@open_to_all
def show_verify() -> Response:
    """What is asked for after the password."""
    waiting = _waiting()
    return _verify_page(waiting) if waiting else redirect(proofs.start_again(), 303)


@bp.post("/sign-in/verify")
@open_to_all
def submit_verify() -> Response:
    """Take a code of the app, or a recovery code."""
    waiting = _waiting()
    if waiting is None:
        return redirect(proofs.start_again(), 303)
    form = CodeForm.sent()
    try:
        with throttle.attempt(proofs.code_limits(waiting)) as attempt, transaction() as session:
            found = proofs.use_code(session, waiting, form)
            if found and _end_waiting(session):
                return redirect(admit(session, found, (*assurance.PASSWORD, "otp"), proofs.next_path()), 303)
            attempt.failed()
        raise proofs.wrong(form)
    except Problem as problem:
        return _verify_page(waiting, problem=problem, by_recovery=form.by_recovery)


@bp.post("/sign-in/passkey")
@open_to_all
def sign_in_by_passkey() -> Response:
    """Sign in whoever the passkey belongs to, with or without a password before."""
    waiting = _waiting()
    try:
        return redirect(_enter_by_passkey(waiting), 303)
    except Problem as problem:
        if waiting:
            return _verify_page(waiting, problem=problem)
        return sign_in_page(problem=problem, next=proofs.next_path())


def _enter_by_passkey(waiting: str | None) -> str:
    """Returns the path to go on to. Raises BadRequest, NotFound, Unauthorized, TooManyRequests."""
    with throttle.attempt(throttle.limits(None, request.remote_addr, proofs.KIND)) as attempt:
        used = proofs.passkey_used(waiting, attempt)
        with transaction() as session:
            found = proofs.find(session, used.owner_id)
            if found and factors.passkeys.count_use(session, used):
                _end_waiting(session)
                methods = assurance.passkey(synced=used.synced, verified=used.verified)
                return admit(session, found, methods, proofs.next_path())
            audit.tally(session, actor_of(used.owner_id), "operator.second_factor_refused", used.owner_id)
        attempt.failed()
    raise refused()


def _verify_page(operator_id: str, **context: Any) -> Response:
    frame = {"at": VERIFY, "passkey_at": f"{HOME}/sign-in/passkey", **proofs.asked(operator_id)}
    return page("verify", **frame | context)


def _waiting() -> str | None:
    """The id of the operator who waits in this browser for the second step."""
    token = read_cookie(COOKIE)
    if token is None:
        return None
    with reading() as session:
        found = factors.second_step.find(session, token)
    return found.owner_id if found else None


def _end_waiting(session: Session) -> bool:
    token = read_cookie(COOKIE)
    if token is None:
        return False
    send_cookie(COOKIE, None)
    return factors.second_step.end(session, token)
