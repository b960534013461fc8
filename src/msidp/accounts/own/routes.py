"""/account/profile, /account/password, /account/sessions and /account/activity: members, on themselves."""

from typing import Any

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from msidp import languages
from msidp.accounts import credentials, devices, language, sessions, throttle, trail
from msidp.accounts.browser import Login, add_methods, current_login, end_session
from msidp.accounts.guard import require_fresh, require_member
from msidp.accounts.own import activity, profile
from msidp.accounts.own.passwords import PasswordForm, change
from msidp.accounts.own.profile import ProfileForm
from msidp.accounts.pages import check_origin, invalid, page, page_again
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Problem, Unauthorized
from msidp.members import service as members
from msidp.members.models import Member
from msidp.words import words

PROFILE = "/account/profile"
PASSWORD = "/account/password"  # noqa: S105  # a path
SESSIONS = "/account/sessions"
ACTIVITY = "/account/activity"

bp = Blueprint("own", __name__)


@bp.get(PROFILE)
def show_profile() -> str:
    member = require_member(PROFILE)
    return page("profile", groups=profile.GROUPS, **ProfileForm.of(member.profile).echo())


@bp.post(PROFILE)
def change_profile() -> Response:
    member = require_member(PROFILE)
    form = ProfileForm.sent()
    try:
        check_origin()
        claims, errors = form.changes(member.profile)
        if errors:
            raise invalid(errors)
        with transaction() as session:
            members.update_member(session, default_community_id(), member.id, {"profile": claims})
    except Problem as problem:
        return page_again("profile", problem, form, groups=profile.GROUPS)
    if wanted := languages.best([claims.get("locale") or ""]):
        language.choose(wanted)
    return redirect("/account?done=profile", 303)


@bp.get(PASSWORD)
def show_password() -> str:
    return page("password", member=_may_change_password())


@bp.post(PASSWORD)
def change_password() -> Response:
    member = _may_change_password()
    form = PasswordForm.sent(has_password=member.password_hash is not None)
    try:
        check_origin()
        if errors := form.errors(member):
            raise invalid(errors)
        _change_password(member, form)
    except Problem as problem:
        return page_again("password", problem, form, member=member)
    return redirect("/account?done=password", 303)


@bp.get(ACTIVITY)
def show_activity() -> str:
    member = require_member(ACTIVITY)
    with reading() as session:
        return page("activity", happenings=activity.latest(session, member.id))


@bp.get(SESSIONS)
def show_sessions() -> str:
    return page("sessions", **_sessions(require_member(SESSIONS)))


@bp.post(f"{SESSIONS}/<session_id>/end")
def end_one(session_id: str) -> Response:
    member = require_member(SESSIONS)
    try:
        check_origin()
        with transaction() as session:
            sessions.end_one(session, member.id, session_id)
            trail.note(session, member.id, "session.ended", session_id)
            if session_id == _login().session_id:
                end_session(session)
    except Problem as problem:
        return page_again("sessions", problem, **_sessions(member))
    return redirect(SESSIONS, 303)


@bp.post(f"{SESSIONS}/end-others")
def end_others() -> Response:
    """Log out everywhere else, and end what applications may do while the member is away."""
    member = require_member(SESSIONS)
    try:
        check_origin()
    except Problem as problem:
        return page_again("sessions", problem, **_sessions(member))
    with transaction() as session:
        sessions.end_all(session, member.id, kept=_login().session_id)
        trail.warn(session, member, "member.logged_out", "sessions_ended")
    return redirect(SESSIONS, 303)


def _may_change_password() -> Member:
    """Who has a password proves it on the page; who has none has to have logged in just now."""
    member = require_member(PASSWORD)
    return member if member.password_hash else require_fresh(PASSWORD)


def _change_password(member: Member, form: PasswordForm) -> None:
    """Raises Unauthorized, TooManyRequests, Busy."""
    if member.password_hash:
        _prove_again(member, form)
    new_hash = form.hash()
    with transaction() as session:
        change(session, member, new_hash)
        if form.end_others:
            sessions.end_all(session, member.id, kept=_login().session_id)
        add_methods(session, _login(), ())  # a new token: the old one may be why the password changes
        trail.warn(session, member, "password.changed", "password_changed")


def _prove_again(member: Member, form: PasswordForm) -> None:
    limits = throttle.password_limits(member.community_id, member.email, request.remote_addr)
    with throttle.attempt(limits) as attempt:
        if credentials.prove(member.community_id, member.email, form.current) is None:
            attempt.failed()
            trail.refused("password.refused", member.email)
            message = words("This is not your present password.")
            details = [{"field": "current_password", "message": message}]
            raise Unauthorized("wrong-credentials", message, details=details)


def _sessions(member: Member) -> dict[str, Any]:
    with reading() as session:
        found = sessions.list_of(session, member.id)
    return {"sessions": found, "current": _login().session_id, "describe": devices.describe}


def _login() -> Login:
    login = current_login()
    if login is None:
        abort(401)
    return login
