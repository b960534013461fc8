"""/login/passkey, and /account/passkeys: make, name, use and remove passkeys."""

from typing import Any

from flask import Blueprint, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import assurance, devices, signin, throttle, trail
from msidp.accounts.browser import current_login
from msidp.accounts.factors import passkeys
from msidp.accounts.guard import require_fresh, require_member
from msidp.accounts.pages import check_origin, page, page_again
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.factors.ceremonies import Answer, Ceremonies, required_site, site
from msidp.factors.passkeys import MAX_NAME, Account, Site, Used, check_name, refused
from msidp.members import service as members
from msidp.members.models import Member
from msidp.members.views import display_name
from msidp.negotiation import said

OVERVIEW = "/account/passkeys"
ceremonies = Ceremonies(passkeys, "member")

bp = Blueprint("passkeys", __name__)
bp.add_app_template_global(ceremonies.to_sign_in, "passkey_sign_in")


@bp.post("/login/passkey")
def sign_in() -> Response:
    """Log in whoever the passkey belongs to. It counts for two factors, so that no code is asked for."""
    try:
        check_origin()
        return redirect(_sign_in(required_site(), Answer.sent()), 303)
    except Problem as problem:
        return page_again("login", problem, email="", passkey_refused=True)


@bp.get(OVERVIEW)
def overview() -> str:
    return page("passkeys", **_frame(require_member(OVERVIEW)))


@bp.get(f"{OVERVIEW}/new")
def ask() -> str:
    """The page with the button that makes a passkey."""
    return page("passkey_new", **_new_frame(require_fresh(request.path)))


@bp.post(f"{OVERVIEW}/new")
def create() -> Response:
    member = require_fresh(request.path)
    name = request.form.get("name", "")[: 2 * MAX_NAME]
    try:
        check_origin()
        check_name(name)
        answer = Answer.sent()
        challenge = answer.take_challenge(ceremonies.creation_of(member.id))
        with transaction() as session:
            made = passkeys.register(session, required_site(), member.id, challenge, answer.credential, name)
            trail.warn(session, member, "passkey.added", "passkey_added", made.id)
    except Problem as problem:
        return page_again("passkey_new", problem, **_new_frame(member) | {"name": name})
    return redirect(OVERVIEW, 303)


@bp.post(f"{OVERVIEW}/<passkey_id>/name")
def rename(passkey_id: str) -> Response:
    member = require_member(OVERVIEW)
    try:
        check_origin()
        with transaction() as session:
            passkeys.rename(session, member.id, passkey_id, request.form.get("name", ""))
    except Problem as problem:
        return page_again("passkeys", problem, **_frame(member))
    return redirect(OVERVIEW, 303)


@bp.post(f"{OVERVIEW}/<passkey_id>/remove")
def remove(passkey_id: str) -> Response:
    member = require_fresh(OVERVIEW)
    try:
        check_origin()
        with transaction() as session:
            passkeys.remove(session, member.id, passkey_id)
            trail.warn(session, member, "passkey.removed", "passkey_removed", passkey_id)
    except Problem as problem:
        return page_again("passkeys", problem, **_frame(member))
    return redirect(OVERVIEW, 303)


def _sign_in(here: Site, answer: Answer) -> str:
    """Returns the path to go on to. Raises BadRequest, Unauthorized, TooManyRequests."""
    with throttle.attempt(throttle.limits(None, request.remote_addr)) as attempt:
        try:
            challenge = answer.take_challenge(ceremonies.signing_in)
            with reading() as session:
                used = passkeys.verify(session, here, challenge, answer.credential, _known_member(session))
        except Problem:
            attempt.failed()
            trail.refused("passkey.refused")
            raise
        with transaction() as session:
            member = members.find(session, default_community_id(), used.owner_id)
            if member is not None and passkeys.count_use(session, used):
                return signin.sign_in(session, member, _methods(used))
            trail.note(session, used.owner_id, "passkey.refused", used.passkey_id, reason="counter")
        attempt.failed()
    raise refused()


def _known_member(session: Session) -> str | None:
    """Whose passkey the page asked for, where it did."""
    if waiting := signin.waiting(session):
        return waiting.owner_id
    login = current_login()
    return login.member_id if login else None


def _methods(used: Used) -> tuple[str, ...]:
    return assurance.passkey(synced=used.synced, verified=used.verified)


def _frame(member: Member) -> dict[str, Any]:
    with reading() as session:
        found = passkeys.list_of(session, member.id)
    return {"passkeys": found, "possible": site() is not None}


def _new_frame(member: Member) -> dict[str, Any]:
    ceremony = ceremonies.to_create(Account(member.id, member.email, display_name(member)))
    return {"ceremony": ceremony, "name": said(devices.describe(request.user_agent.string))}
