"""/login/passkey, and /account/passkeys: make, name, use and remove passkeys."""

from typing import Any

from flask import Blueprint, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import devices, signin, throttle, trail
from msidp.accounts.browser import current_login
from msidp.accounts.factors import passkey_forms, passkeys
from msidp.accounts.factors.passkey_forms import Answer
from msidp.accounts.factors.passkeys import Site
from msidp.accounts.guard import require_fresh, require_member
from msidp.accounts.pages import check_origin, page, page_again
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import NotFound, Problem
from msidp.members import service as members
from msidp.members.models import Member

OVERVIEW = "/account/passkeys"

bp = Blueprint("passkeys", __name__)
bp.add_app_template_global(passkey_forms.to_sign_in, "passkey_sign_in")


@bp.post("/login/passkey")
def sign_in() -> Response:
    """Log in whoever the passkey belongs to. It counts for two factors, so that no code is asked for."""
    try:
        check_origin()
        return redirect(_sign_in(_site(), Answer.sent()), 303)
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
    name = request.form.get("name", "")[: 2 * passkeys.MAX_NAME]
    try:
        check_origin()
        passkeys.check_name(name)
        answer = Answer.sent()
        challenge = answer.take_challenge(passkey_forms.creation_of(member))
        with transaction() as session:
            made = passkeys.register(session, _site(), member.id, challenge, answer.credential, name)
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
            challenge = answer.take_challenge(passkey_forms.SIGN_IN)
            with reading() as session:
                used = passkeys.verify(session, here, challenge, answer.credential, _known_member(session))
        except Problem:
            attempt.failed()
            raise
        with transaction() as session:
            member = members.find(session, default_community_id(), used.member_id)
            if member is not None and passkeys.count_use(session, used):
                return signin.sign_in(session, member, used.methods)
            trail.note(session, used.member_id, "passkey.refused", used.passkey_id, reason="counter")
        attempt.failed()
    raise passkeys.refused()


def _known_member(session: Session) -> str | None:
    """Whose passkey the page asked for, where it did."""
    subject = signin.waiting(session) or current_login()
    return subject.member_id if subject else None


def _site() -> Site:
    here = passkey_forms.site()
    if here is None:
        raise NotFound("no-passkeys", "This site's address is none that browsers keep passkeys for.")
    return here


def _frame(member: Member) -> dict[str, Any]:
    with reading() as session:
        found = passkeys.list_of(session, member.id)
    return {"passkeys": found, "possible": passkey_forms.site() is not None}


def _new_frame(member: Member) -> dict[str, Any]:
    ceremony = passkey_forms.to_create(_site(), member)
    return {"ceremony": ceremony, "name": devices.describe(request.user_agent.string)}
