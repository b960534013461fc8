"""/device: the member types in the code that a device shows, sees who asks, and decides (RFC 8628, 3.3)."""

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from msidp import web
from msidp.accounts import assurance, throttle, trail
from msidp.accounts.browser import Login, current_login, current_member, login_url
from msidp.db import core_of, core_reading, transaction
from msidp.negotiation import PARAMETER, asked_here, said
from msidp.oidc import grants, scopes, sessions
from msidp.oidc.clients import Client, clients
from msidp.oidc.device import authorizations, user_codes
from msidp.oidc.device.authorizations import Pending
from msidp.prepared import Core
from msidp.words import words

PATH = "/device"
_UNKNOWN = words("This code is not right, or no longer. Look again at your device, or begin anew there.")

bp = Blueprint("device", __name__)


@bp.get(PATH)
def enter() -> Response | str | tuple[str, int]:
    """Ask for the code; with one (typed in, or from a link), ask the member who is logged in to decide."""
    typed = request.args.get("user_code", "")
    if not typed:
        return render_template("oidc/device.html", typed="", problem=None, here=_path(""))
    login = current_login()
    if login is None:  # only members may try codes
        return redirect(login_url(_path(typed[:40])), 303)
    return _confirm(login, typed)


@bp.post(f"{PATH}/confirm")
def confirm() -> Response | str | tuple[str, int]:
    """The member's decision."""
    web.csrf.protect()
    login = current_login()
    typed = request.form.get("user_code", "")
    if login is None:
        return redirect(login_url(_path(typed[:40])), 303)
    found = _look_up(login, typed)
    if found is None:
        return _wrong(typed)
    user_code, pending, client = found
    allowed = request.form.get("decision") == "allow"
    with transaction() as session:
        if not allowed:
            authorizations.deny(core_of(session), user_code)
        elif not sessions.join(session, login.session_id, client.application_id):
            return redirect(login_url(_path(user_code)), 303)
        elif not _allow(core_of(session), user_code, pending, client, login):
            return _wrong(typed)
        else:
            name = client.shown_name
            trail.note(session, login.member_id, "application.connected", client.application_id, name=name)
    return render_template("oidc/device_done.html", application=client.shown_name, allowed=allowed)


def _path(user_code: str) -> str:
    """This page with a code, in the language that it was asked for."""
    query = {"user_code": user_code, PARAMETER: asked_here()}
    pairs = {name: value for name, value in query.items() if value}
    return PATH + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def _confirm(login: Login, typed: str) -> str | tuple[str, int]:
    found = _look_up(login, typed)
    if found is None:
        return _wrong(typed)
    user_code, pending, client = found
    return render_template(
        "oidc/device_confirm.html",
        application=client.shown_name,
        user_code=user_code,
        permissions=[scopes.MEMBER_SCOPES[scope] for scope in pending.scopes],
        member=current_member(),
        another_login=login_url(_path(user_code), login_hint=""),
        here=_path(user_code),
    )


def _wrong(typed: str) -> tuple[str, int]:
    return render_template("oidc/device.html", typed=typed[:40], problem=said(_UNKNOWN)), 400


def _look_up(login: Login, typed: str) -> tuple[str, Pending, Client] | None:
    """What waits under a code. Wrong ones count: a member has few tries. Raises TooManyRequests."""
    with throttle.attempt(throttle.code_limits(f"device:{login.member_id}", request.remote_addr)) as attempt:
        user_code = user_codes.normalise(typed)
        pending = client = None
        if user_code is not None:
            with core_reading() as connection:
                pending = authorizations.find_pending(connection, user_code)
            client = clients().find(pending.client_id) if pending else None
        if user_code is None or pending is None or client is None:
            attempt.failed()
            return None
        return user_code, pending, client


def _allow(connection: Core, user_code: str, pending: Pending, client: Client, login: Login) -> bool:
    """Record the grant and give it to the device. False where the code was decided meanwhile."""
    granted = grants.NewGrant(
        client=client,
        member_id=login.member_id,
        session_id=login.session_id,
        scopes=pending.scopes,
        nonce=None,
        claims=None,
        authenticated_at=login.authenticated_at,
        methods=assurance.amr(login.methods),
        acr=assurance.acr(login.methods),
        resources=pending.resources,
    )
    grant_id = grants.record(connection, granted)
    if authorizations.allow(connection, user_code, grant_id):
        return True
    grants.revoke(connection, grant_id)
    return False
