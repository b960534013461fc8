"""/login/verify: the second step of a log-in, and more proof from a member who is logged in."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import assurance, signin, throttle, trail
from msidp.accounts.browser import Login, add_methods, current_login, login_url
from msidp.accounts.factors import passkeys, recovery, totp
from msidp.accounts.pages import HOME, check_origin, invalid, next_path, page, page_again
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Problem, Unauthorized
from msidp.factors.forms import CodeForm
from msidp.members import service as members
from msidp.members.models import Member
from msidp.words import words

bp = Blueprint("factors", __name__)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose proof is asked for. Without a `login` the browser waits between the two steps of one."""

    member_id: str
    methods: tuple[str, ...]
    login: Login | None


@bp.get(signin.SECOND_STEP)
def verify() -> Response | str:
    subject = _find_subject()
    if subject is None:
        return redirect(login_url(next_path() or HOME), 303)
    by = request.args.get("with")
    frame = _frame(subject)
    if by == "passkey" and frame["passkeys_of"]:
        frame["asks_code"] = False  # a code would not do
    return page("verify", **frame, by_recovery=by == "recovery-code")


@bp.post(signin.SECOND_STEP)
def submit_code() -> Response:
    subject = _find_subject()
    if subject is None:
        return redirect(login_url(next_path() or HOME), 303)
    form = CodeForm.sent()
    try:
        check_origin()
        if errors := form.errors():
            raise invalid(errors)
        return redirect(_verify(subject, form), 303)
    except Problem as problem:
        return page_again("verify", problem, form, **_frame(subject))


def _find_subject() -> Subject | None:
    """Who waits for the second step; else who is logged in."""
    with reading() as session:
        waiting = signin.waiting(session)
    if waiting is not None:
        return Subject(waiting.owner_id, waiting.methods, None)
    login = current_login()
    return Subject(login.member_id, login.methods, login) if login else None


def _frame(subject: Subject) -> dict[str, Any]:
    """What the page can ask this member for."""
    with reading() as session:
        return {
            "asks_code": totp.is_on(session, subject.member_id),
            "codes_left": recovery.count(session, subject.member_id),
            "passkeys_of": subject.member_id if passkeys.count(session, subject.member_id) else None,
            "logged_in": subject.login is not None,
            "verify_url": _url,
        }


def _url(by_recovery: bool = False) -> str:
    """This page, asking for a code of the app or for a recovery code."""
    query = {"next": next_path(), "with": "recovery-code" if by_recovery else None}
    pairs = {name: value for name, value in query.items() if value}
    return signin.SECOND_STEP + (f"?{urlencode(pairs)}" if pairs else "")


def _verify(subject: Subject, form: CodeForm) -> str:
    """Take the code. Returns the path to go on to; raises Unauthorized, TooManyRequests."""
    with throttle.attempt(throttle.code_limits(subject.member_id, request.remote_addr)) as attempt:
        with transaction() as session:
            member = members.find(session, default_community_id(), subject.member_id)
            if member is not None and form.use(session, totp, recovery, member.id):
                if form.by_recovery:
                    trail.warn(session, member, "recovery_code.used", "recovery_code_used")
                return _advance(session, subject, member)
            trail.code_refused(session, member)
        attempt.failed()
    what = (
        words("This recovery code is wrong, or was used before.")
        if form.by_recovery
        else words("This code is wrong, or was used before. Wait for the next one.")
    )
    raise Unauthorized("wrong-code", what)


def _advance(session: Session, subject: Subject, member: Member) -> str:
    """Log the member in with what they have proved together, or note it in their session."""
    if subject.login is not None:
        if add_methods(session, subject.login, assurance.AUTHENTICATOR_CODE) is None:
            return login_url(next_path() or HOME)
        trail.note(session, member.id, "member.stepped_up", methods=[*assurance.AUTHENTICATOR_CODE])
        return next_path() or HOME
    if not signin.end_waiting(session):
        return login_url(next_path() or HOME)
    return signin.sign_in(session, member, (*subject.methods, *assurance.AUTHENTICATOR_CODE))
