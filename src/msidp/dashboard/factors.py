"""The operator's own second factor: authenticator app, passkeys, recovery codes."""

from typing import Any

from flask import redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import devices, throttle
from msidp.audit import service as audit
from msidp.branding.current import current_brand
from msidp.dashboard import proofs
from msidp.dashboard.account import account_page
from msidp.dashboard.frame import (
    ACCOUNT,
    actor,
    again,
    asks_proof,
    bp,
    done,
    needs,
    operator,
    page,
    while_enrolling,
)
from msidp.db import reading, transaction
from msidp.errors import Conflict, Invalid, NotFound, Problem, Unauthorized
from msidp.factors import qr
from msidp.factors.ceremonies import Answer, required_site
from msidp.factors.passkeys import MAX_NAME, Account, check_name
from msidp.factors.totp import grouped, uri
from msidp.operators import factors, notices, service
from msidp.vault.fields import cipher

PATH = f"{ACCOUNT}#second-factor"
SET_UP = f"{ACCOUNT}/authenticator"
NEW_PASSKEY = f"{ACCOUNT}/passkeys/new"


@bp.post("/account/authenticator/start")
@needs("viewer")
@while_enrolling
@asks_proof(ACCOUNT)
def start_authenticator() -> Response:
    """Make a secret for an app, which the next page shows."""
    try:
        with transaction() as session:
            factors.totp.begin(session, cipher(), operator().operator_id)
    except Problem as problem:
        return account_page(problem=problem)
    return redirect(SET_UP, 303)


@bp.get("/account/authenticator")
@while_enrolling
@asks_proof(ACCOUNT)
def show_authenticator() -> Response:
    """The waiting secret, and the form for the first code."""
    secret = _waiting_secret()
    return _set_up_page(secret) if secret else redirect(PATH, 303)


@bp.get("/account/authenticator/qr.svg")
@while_enrolling
@asks_proof(ACCOUNT)
def show_authenticator_qr() -> Response:
    """The waiting secret for an app's camera."""
    secret = _waiting_secret()
    if secret is None:
        raise NotFound("nothing-waits", "No authenticator app waits to be set up.")
    brand = current_brand()
    issuer = f"{brand.name if brand else 'msidp'} dashboard"
    return Response(qr.svg(uri(secret, operator().email, issuer)), mimetype="image/svg+xml")


@bp.post("/account/authenticator")
@needs("viewer")
@while_enrolling
@asks_proof(ACCOUNT)
def confirm_authenticator() -> Response:
    """Switch the app on by a code it shows."""
    who, secret, code = operator(), _waiting_secret(), request.form.get("code", "")[:100]
    if secret is None:
        return redirect(PATH, 303)
    try:
        if not code.strip():
            message = "Enter the code that your app shows."
            raise Invalid("invalid", message, details=[{"field": "code", "message": message}])
        with throttle.attempt(proofs.code_limits(who.operator_id)) as attempt:
            with transaction() as session:
                factors.lock(session, who.operator_id)
                if factors.totp.confirm(session, cipher(), who.operator_id, code):
                    return _added(session, "authenticator_added", who.operator_id)
            attempt.failed()
        message = "This is not the code that the app shows now. Check your device's clock."
        raise Unauthorized("wrong-code", message, details=[{"field": "code", "message": message}])
    except Problem as problem:
        return _set_up_page(secret, problem=problem)


@bp.post("/account/authenticator/remove")
@needs("viewer")
@while_enrolling
@asks_proof(ACCOUNT)
def remove_authenticator() -> Response:
    """Take the app off."""
    who = operator()
    try:
        with transaction() as session:
            factors.lock(session, who.operator_id)
            if factors.totp.remove(session, who.operator_id):
                _removed(session, "authenticator_removed", who.operator_id)
    except Problem as problem:
        return account_page(problem=problem)
    return done("The authenticator app is taken off.", PATH)


@bp.post("/account/recovery-codes")
@needs("viewer")
@while_enrolling
@asks_proof(ACCOUNT)
def replace_recovery_codes() -> Response:
    """New recovery codes; the old ones end."""
    who = operator()
    try:
        with transaction() as session:
            factors.lock(session, who.operator_id)
            if not factors.has_any(session, who.operator_id):
                raise Conflict("no-factor", "Recovery codes stand in for a second factor, and there is none.")
            codes = factors.recovery.regenerate(session, who.operator_id)
            _note(session, "recovery_codes_replaced", who.operator_id)
    except Problem as problem:
        return account_page(problem=problem)
    return page("recovery_codes", codes=codes)


@bp.get("/account/passkeys/new")
@while_enrolling
@asks_proof(NEW_PASSKEY)
def new_passkey() -> Response:
    """The page with the button that makes a passkey."""
    return _passkey_page(name=devices.describe(request.user_agent.string))


@bp.post("/account/passkeys/new")
@needs("viewer")
@while_enrolling
@asks_proof(NEW_PASSKEY)
def create_passkey() -> Response:
    """Keep the passkey that the browser has made."""
    who, name = operator(), request.form.get("name", "")[: 2 * MAX_NAME]
    here = required_site()
    try:
        check_name(name)
        answer = Answer.sent()
        challenge = answer.take_challenge(proofs.ceremonies.creation_of(who.operator_id))
        with transaction() as session:
            factors.lock(session, who.operator_id)
            made = factors.passkeys.register(
                session, here, who.operator_id, challenge, answer.credential, name
            )
            return _added(session, "passkey_added", made.id)
    except Problem as problem:
        return _passkey_page(problem=problem, name=name)


@bp.post("/account/passkeys/<passkey_id>/name")
@needs("viewer")
@while_enrolling
def rename_passkey(passkey_id: str) -> Response:
    """Call a passkey otherwise."""
    try:
        with transaction() as session:
            factors.passkeys.rename(session, operator().operator_id, passkey_id, request.form.get("name", ""))
    except Problem as problem:
        return again(problem, account_page)
    return done("The passkey has another name.", PATH)


@bp.post("/account/passkeys/<passkey_id>/remove")
@needs("viewer")
@while_enrolling
@asks_proof(ACCOUNT)
def remove_passkey(passkey_id: str) -> Response:
    """Let a passkey in no more."""
    who = operator()
    try:
        with transaction() as session:
            factors.lock(session, who.operator_id)
            factors.passkeys.remove(session, who.operator_id, passkey_id)
            _removed(session, "passkey_removed", passkey_id)
    except Problem as problem:
        return again(problem, account_page)
    return done("The passkey is removed.", PATH)


def _added(session: Session, event: str, target_id: str) -> Response:
    """The page after a new factor: with the first one, the recovery codes."""
    who = operator()
    codes = factors.added(session, who.operator_id, who.session_id)
    _note(session, event, target_id)
    if codes:
        return page("recovery_codes", codes=codes)
    return done("Added. From now on it is asked for when you sign in.", PATH)


def _removed(session: Session, event: str, target_id: str) -> None:
    who = operator()
    factors.removed(session, who.operator_id, required=who.factor_required)
    _note(session, event, target_id)


def _note(session: Session, event: str, target_id: str) -> None:
    """Note it in the audit log, and tell the operator by mail, in case it was somebody else."""
    audit.record(session, actor(), f"operator.{event}", target_id)
    person = service.get(session, operator().community_id, operator().operator_id)
    device = devices.describe(request.user_agent.string)
    notices.tell(session, person, event, address=request.remote_addr, user_agent=device)


def _waiting_secret() -> str | None:
    with reading() as session:
        return factors.totp.unconfirmed_secret(session, cipher(), operator().operator_id)


def _set_up_page(secret: str, **context: Any) -> Response:
    return page("authenticator", secret=grouped(secret), **context)


def _passkey_page(**context: Any) -> Response:
    who = operator()
    ceremony = proofs.ceremonies.to_create(
        Account(who.operator_id, f"{who.email} (dashboard)", f"{who.name} (dashboard)")
    )
    return page("passkey_new", ceremony=ceremony, **context)
