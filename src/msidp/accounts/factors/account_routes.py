"""/account/two-factor: the member's authenticator app and recovery codes, on and off."""

from typing import Any

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from msidp.accounts import assurance, throttle, trail
from msidp.accounts.browser import add_methods, current_login
from msidp.accounts.factors import recovery, totp
from msidp.accounts.guard import require_fresh, require_member
from msidp.accounts.pages import check_origin, invalid, page, page_again
from msidp.branding.current import current_brand
from msidp.db import reading, transaction
from msidp.errors import Conflict, NotFound, Problem, Unauthorized
from msidp.factors import qr
from msidp.factors.forms import CodeForm
from msidp.factors.totp import grouped, uri
from msidp.members.models import Member
from msidp.vault.fields import cipher
from msidp.words import words

OVERVIEW = "/account/two-factor"
SET_UP = f"{OVERVIEW}/set-up"

bp = Blueprint("two_factor", __name__, url_prefix=OVERVIEW)


@bp.get("")
def overview() -> str:
    return page("two_factor", **_state(require_member(OVERVIEW)))


@bp.post("/start")
def start() -> Response:
    """Make a secret for an app, which the next page shows."""
    member = require_fresh(OVERVIEW)
    try:
        check_origin()
        with transaction() as session:
            totp.begin(session, cipher(), member.id)
    except Problem as problem:
        return page_again("two_factor", problem, **_state(member))
    return redirect(SET_UP, 303)


@bp.get("/set-up")
def set_up() -> Response | str:
    member = require_fresh(SET_UP)
    secret = _waiting_secret(member)
    if secret is None:
        return redirect(OVERVIEW, 303)
    return page("two_factor_set_up", secret=grouped(secret))


@bp.get("/qr.svg")
def show_qr() -> Response:
    """The waiting secret for an app's camera."""
    member = require_fresh(SET_UP)
    secret = _waiting_secret(member)
    if secret is None:
        raise NotFound("nothing-waits", words("No authenticator app waits to be set up."))
    brand = current_brand()
    picture = qr.svg(uri(secret, member.email, brand.name if brand else "msidp"))
    return Response(picture, mimetype="image/svg+xml")


@bp.post("/set-up")
def confirm() -> Response | str:
    """Switch the app on by a code it shows. The answer is the one page with the recovery codes."""
    member = require_fresh(SET_UP)
    secret = _waiting_secret(member)
    if secret is None:
        return redirect(OVERVIEW, 303)
    form = CodeForm.sent()
    try:
        check_origin()
        if errors := form.errors():
            raise invalid(errors)
        return page("recovery_codes", codes=_switch_on(member, form))
    except Problem as problem:
        return page_again("two_factor_set_up", problem, secret=grouped(secret))


@bp.post("/recovery-codes")
def regenerate() -> Response | str:
    """New recovery codes; the old ones end."""
    member = require_fresh(OVERVIEW)
    try:
        check_origin()
        with transaction() as session:
            if not totp.is_on(session, member.id):
                raise Conflict("not-on", words("Recovery codes stand in for an app, and there is none yet."))
            codes = recovery.regenerate(session, member.id)
            trail.warn(session, member, "recovery_codes.regenerated", "recovery_codes_replaced")
    except Problem as problem:
        return page_again("two_factor", problem, **_state(member))
    return page("recovery_codes", codes=codes)


@bp.post("/remove")
def remove() -> Response:
    """Take the app off, and with it the recovery codes."""
    member = require_fresh(OVERVIEW)
    try:
        check_origin()
    except Problem as problem:
        return page_again("two_factor", problem, **_state(member))
    with transaction() as session:
        recovery.clear(session, member.id)
        if totp.remove(session, member.id):
            trail.warn(session, member, "second_factor.removed", "authenticator_removed")
    return redirect(OVERVIEW, 303)


def _state(member: Member) -> dict[str, Any]:
    with reading() as session:
        return {"is_on": totp.is_on(session, member.id), "codes_left": recovery.count(session, member.id)}


def _waiting_secret(member: Member) -> str | None:
    with reading() as session:
        return totp.unconfirmed_secret(session, cipher(), member.id)


def _switch_on(member: Member, form: CodeForm) -> list[str]:
    """Returns the recovery codes. Raises Unauthorized, TooManyRequests."""
    login = current_login()
    if login is None:
        abort(401)
    with throttle.attempt(throttle.code_limits(member.id, request.remote_addr)) as attempt:
        with transaction() as session:
            if totp.confirm(session, cipher(), member.id, form.code):
                trail.warn(session, member, "second_factor.added", "authenticator_added")
                add_methods(session, login, assurance.AUTHENTICATOR_CODE)
                return recovery.regenerate(session, member.id)
        attempt.failed()
    raise Unauthorized(
        "wrong-code", words("This is not the code that the app shows now. Check your device’s clock.")
    )
