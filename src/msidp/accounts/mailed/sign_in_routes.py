"""/login/mail, /login/code and /login/link: in without a password."""

from flask import Blueprint, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts import assurance, signin, throttle, trail
from msidp.accounts.browser import read_cookie
from msidp.accounts.mailed import asking, sign_in, tokens
from msidp.accounts.mailed.forms import AddressForm, CodeForm
from msidp.accounts.pages import check_origin, hint, page, page_again, page_url
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Gone, Problem
from msidp.members.emails import normalise
from msidp.members.models import Member
from msidp.words import words

bp = Blueprint("sign_in_by_mail", __name__, url_prefix="/login")


@bp.get("/mail")
def ask() -> str:
    return page("login_mail", email=hint() or "")


@bp.post("/mail")
def submit_ask() -> Response:
    form = AddressForm.sent()
    try:
        check_origin()
        address = form.address()
        asking.count_mail(address)
        with transaction() as session:
            sign_in.ask(session, default_community_id(), address, asking.asker())
    except Problem as problem:
        return page_again("login_mail", problem, form)
    return redirect(page_url("/login/code"), 303)


@bp.get("/code")
def code() -> Response | str:
    email = _asked_for()
    return page("login_code", email=email) if email else redirect(page_url("/login/mail"), 303)


@bp.post("/code")
def submit_code() -> Response:
    email = _asked_for()
    if email is None:
        return redirect(page_url("/login/mail"), 303)
    form = CodeForm.sent()
    try:
        check_origin()
        form.check()
        return redirect(_enter(form, email), 303)
    except Problem as problem:
        return page_again("login_code", problem, form, email=email)


@bp.get("/link")
def link() -> Response | str:
    with reading() as session:
        held = tokens.look(session, tokens.SIGN_IN, asking.token())
    return page("login_link", **asking.frame(held)) if held else _gone(asking.gone())


@bp.post("/link")
def submit_link() -> Response:
    try:
        check_origin()
        with transaction() as session:
            way = _go_in(session, sign_in.by_link(session, asking.token()))
    except Gone as gone:
        return _gone(gone)
    except Problem as problem:
        return page_again("login_link", problem, token=asking.token())
    return redirect(way, 303)


def _enter(form: CodeForm, email: str) -> str:
    """Take the code. Returns the path to go on to; raises Unauthorized, TooManyRequests."""
    limits = throttle.mailed_code_limits(asking.account_key(normalise(email)), request.remote_addr)
    with throttle.attempt(limits) as attempt:
        with transaction() as session:
            member = sign_in.by_code(session, read_cookie(asking.COOKIE) or "", form.code)
            if member is not None:
                return _go_in(session, member)
        attempt.failed()
        trail.refused("mailed_code.refused", email)
        raise sign_in.refused()


def _go_in(session: Session, member: Member) -> str:
    return signin.sign_in(session, member, assurance.MAILED_CODE)


def _asked_for() -> str | None:
    secret = read_cookie(asking.COOKIE)
    if secret is None:
        return None
    with reading() as session:
        return tokens.asked_for(session, secret)


def _gone(gone: Gone) -> Response:
    return asking.gone_page(gone, "/login/mail", words("Ask for another mail"))
