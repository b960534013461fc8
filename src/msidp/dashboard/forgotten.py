"""A forgotten password: a link by mail where mails are sent, and a new password in return."""

from typing import Any

from flask import current_app, redirect, request
from werkzeug.wrappers import Response

from msidp.accounts import throttle
from msidp.communities.guard import default_community_id
from msidp.dashboard.frame import HOME, actor_of, bp, done, open_to_all, page, sign_out
from msidp.dashboard.input import new_password
from msidp.dashboard.proofs import KIND
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.members.emails import normalise
from msidp.operators import resets
from msidp.operators.models import Operator
from msidp.settings import Settings

PATH = f"{HOME}/forgot-password"
MAX_TOKEN = 100


@bp.get("/forgot-password")
@open_to_all
def show_forgotten() -> Response:
    """Ask for the address; where no mails are sent, say what to do at the server."""
    return page("forgotten", email="", sends=_sends_mail())


@bp.post("/forgot-password")
@open_to_all
def ask_for_reset() -> Response:
    """Mail a link. What is told is the same for every address."""
    if not _sends_mail():
        return redirect(PATH, 303)
    typed = request.form.get("email", "").strip()
    try:
        email = normalise(typed)
        account = f"{KIND}{default_community_id()} {email.key}"
        throttle.take(throttle.mail_limits(account, request.remote_addr))
        with transaction() as session:
            resets.ask(session, actor_of(None), email)
    except Problem as problem:
        return page("forgotten", problem=problem, email=typed[:320], sends=True)
    return page("forgotten_sent", email=email.address)


@bp.get("/reset-password")
@open_to_all
def show_reset() -> Response:
    """The form behind the link. To look at it spends nothing: mail scanners look too."""
    return _page() if _whose() else _over()


@bp.post("/reset-password")
@open_to_all
def reset_password() -> Response:
    """Take the new password. A sign-in follows, with the second factor where there is one."""
    found = _whose()
    if found is None:
        return _over()
    try:
        password_hash = new_password(request.form, found)
        with transaction() as session:
            if resets.finish(session, _token(), password_hash, actor_of(found.id)) is None:
                return _over()
    except Problem as problem:
        return _page(problem=problem)
    sign_out()
    return done(
        "Your password is changed, and you are signed out everywhere. Sign in with it.", f"{HOME}/sign-in"
    )


def _whose() -> Operator | None:
    with reading() as session:
        return resets.find(session, _token())


def _token() -> str:
    return request.values.get("token", "")[:MAX_TOKEN]


def _page(**context: Any) -> Response:
    found = _whose()
    return page("reset_password", token=_token(), email=found.email if found else "", **context)


def _over() -> Response:
    return page("reset_over", 404, sends=_sends_mail())


def _sends_mail() -> bool:
    """Only to a mail server: who reads the development inbox is not to become an operator by it."""
    settings: Settings = current_app.extensions["msidp_settings"]
    return settings.smtp_url is not None
