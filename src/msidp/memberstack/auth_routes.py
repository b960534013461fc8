"""/auth: into a session, and what goes by mail."""

from typing import Any

from flask import request

from msidp.accounts import strength, throttle
from msidp.accounts.mailed import addresses, asking, resets, sign_in, sign_up, tokens
from msidp.api import Data, answers, api
from msidp.db import reading, transaction
from msidp.errors import BadRequest, Gone
from msidp.members import service as members
from msidp.members.emails import normalise
from msidp.memberstack import entry, schemas
from msidp.memberstack.guard import AS_MEMBER, PUBLIC, TAGS, ClientBlueprint, require_login, site
from msidp.vault.passwords import hash_password
from msidp.words import words

bp = ClientBlueprint("client_auth", __name__, url_prefix="/auth")
_DONE = {"data": {"success": True}}


@bp.post("/login")
@api.validate(resp=answers(Data[schemas.LoggedIn], 403, 429, 503), tags=TAGS, security=PUBLIC)
def log_in(json: schemas.Credentials) -> dict[str, Any]:
    """Log a member in by address and password.

    401 `invalid-credentials` whichever of them is wrong, 403 `second-factor-required` where the account
    asks for one: such members sign in on the hosted pages. A token that is sent along changes nothing.
    """
    return {"data": entry.by_password(site(), json)}


@bp.post("/signup")
@api.validate(resp=answers(Data[schemas.LoggedIn], 403, 404, 409, 429, 503), tags=TAGS, security=PUBLIC)
def sign_up_member(json: schemas.SignUp) -> dict[str, Any]:
    """Make an account and log its member in; on free plans where some are named.

    409 `email-already-in-use`, 422 `invalid-password`, `invalid-email` or `plan-not-free`, 404
    `plan-not-found`, 401 `invalid-passwordless-login-code`. Where accounts begin with the proof of their
    address, a password alone is 403 `email-proof-required`: have a code mailed first. Sends member.created,
    and member.plan.created for each plan.
    """
    return {"data": entry.by_sign_up(site(), json)}


@bp.post("/passwordless/login/send")
@api.validate(resp=answers(Data[schemas.Done], 429), tags=TAGS, security=PUBLIC)
def send_log_in_code(json: schemas.MailAddress) -> dict[str, Any]:
    """Mail a code to log in with, if somebody has this address; the answer does not tell."""
    email = normalise(json.email)
    asking.count_mail(email)
    asker = asking.by_address(email)
    with transaction() as session:
        sign_in.ask(session, site().community_id, email, asker, template="sign_in_code")
    return _DONE


@bp.post("/passwordless/signup/send")
@api.validate(resp=answers(Data[schemas.Done], 429), tags=TAGS, security=PUBLIC)
def send_sign_up_code(json: schemas.MailAddress) -> dict[str, Any]:
    """Mail a code to sign up with; to somebody who has an account, that they have one."""
    email = normalise(json.email)
    asking.count_mail(email)
    with transaction() as session:
        sign_up.ask_by_code(session, site().community_id, email, asking.by_address(email))
    return _DONE


@bp.post("/passwordless/login")
@api.validate(resp=answers(Data[schemas.LoggedIn], 403, 429), tags=TAGS, security=PUBLIC)
def log_in_by_code(json: schemas.PasswordlessLogin) -> dict[str, Any]:
    """Log a member in by the code that was mailed: good for ten minutes and five tries, once.

    401 `invalid-passwordless-login-code`, 403 `second-factor-required`. Proves the address too.
    """
    return {"data": entry.by_mailed_code(site(), json)}


@bp.post("/send-email-verification")
@api.validate(resp=answers(Data[schemas.Done], 429), tags=TAGS, security=AS_MEMBER)
def send_verification() -> dict[str, Any]:
    """Mail the member a link that proves their address, unless that is done."""
    login = require_login()
    with reading() as session:
        member = members.get_member(session, site().community_id, login.member_id)
    if member.verified:
        return _DONE
    asking.count_mail(normalise(member.email))
    with transaction() as session:
        addresses.ask_for_proof(session, member)
    return _DONE


@bp.post("/send-reset-password-email")
@api.validate(resp=answers(Data[schemas.Done], 429), tags=TAGS, security=PUBLIC)
def send_reset(json: schemas.MailAddress) -> dict[str, Any]:
    """Mail a code for a new password, if somebody has this address; the answer does not tell.

    The mail's link leads to the hosted page, and carries the code as `token`.
    """
    email = normalise(json.email)
    asking.count_mail(email)
    with transaction() as session:
        resets.ask(session, site().community_id, email, None)
    return _DONE


@bp.post("/reset-password")
@api.validate(resp=answers(Data[schemas.Done], 400, 429, 503), tags=TAGS, security=PUBLIC)
def reset_password(json: schemas.NewPassword) -> dict[str, Any]:
    """Set a new password by the code that was mailed: good for an hour, once.

    400 `invalid-reset-code`, 422 `invalid-password`. Every session of the member ends; nobody is logged in.
    """
    token = tokens.read_typed(json.token)
    with throttle.attempt(throttle.limits(None, request.remote_addr)) as attempt:
        with reading() as session:
            held = tokens.look(session, tokens.RESET, token)
        if held is None:
            attempt.failed()
            raise _wrong_code()
    strength.check_new(json.new_password, (held.email.address,))
    password_hash = hash_password(json.new_password)
    try:
        with transaction() as session:
            resets.finish(session, token, password_hash)
    except Gone:
        raise _wrong_code() from None
    return _DONE


def _wrong_code() -> BadRequest:
    return BadRequest("invalid-reset-code", words("This code is wrong, or no longer good."))
