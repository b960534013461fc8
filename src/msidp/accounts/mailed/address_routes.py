"""/verify-email, /account/email, /change-email and /keep-email: the proof and the change of an address."""

from collections.abc import Callable
from urllib.parse import urlencode

from flask import Blueprint, redirect
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.accounts.browser import end_session
from msidp.accounts.guard import require_fresh, require_member
from msidp.accounts.mailed import addresses, asking, tokens
from msidp.accounts.mailed.forms import AddressForm
from msidp.accounts.pages import check_origin, page, page_again
from msidp.db import reading, transaction
from msidp.errors import Gone, Problem
from msidp.members.emails import normalise
from msidp.members.models import Member
from msidp.words import words

bp = Blueprint("addresses", __name__)
EMAIL = "/account/email"


@bp.get(EMAIL)
def email() -> str:
    return page("email", member=require_fresh(EMAIL))


@bp.post(EMAIL)
def submit_email() -> Response | str:
    """Ask for the change to another address."""
    member = require_fresh(EMAIL)
    form = AddressForm.sent()
    try:
        check_origin()
        address = form.address()
        asking.count_mail(normalise(member.email))  # which gets a notice
        asking.count_mail(address)
        with transaction() as session:
            addresses.ask_to_change(session, member, address)
    except Problem as problem:
        return page_again("email", problem, form, member=member)
    return page("mail_sent", email=address.address, what="change")


@bp.post(f"{EMAIL}/verify")
def ask_for_proof() -> Response | str:
    """Mail the link once more that proves the present address."""
    member = require_member(EMAIL)
    try:
        check_origin()
        asking.count_mail(normalise(member.email))
        with transaction() as session:
            addresses.ask_for_proof(session, member)
    except Problem as problem:
        return page_again("email", problem, member=member)
    return page("mail_sent", email=member.email, what="verify")


@bp.get("/verify-email")
def verify() -> Response | str:
    return _ask(tokens.VERIFY, "verify_email")


@bp.post("/verify-email")
def submit_verify() -> Response | str:
    return _settle(addresses.confirm, "verify_email", words("Your address is confirmed"))


@bp.get("/change-email")
def change() -> Response | str:
    return _ask(tokens.CHANGE, "change_email")


@bp.post("/change-email")
def submit_change() -> Response | str:
    return _settle(addresses.change, "change_email", words("Your address is changed"))


@bp.get("/keep-email")
def keep() -> Response | str:
    return _ask(tokens.KEEP, "keep_email")


@bp.post("/keep-email")
def submit_keep() -> Response:
    try:
        check_origin()
        with transaction() as session:
            issued = addresses.keep(session, asking.token())
            end_session(session)
    except Gone as gone:
        return _gone(gone)
    except Problem as problem:
        return page_again("keep_email", problem, token=asking.token())
    return redirect(f"/reset-password?{urlencode({'token': issued.token})}", 303)


def _ask(purpose: str, template: str) -> Response | str:
    with reading() as session:
        held = tokens.look(session, purpose, asking.token())
    return page(template, **asking.frame(held)) if held else _gone(asking.gone())


def _settle(spend: Callable[[Session, str], Member], template: str, title: str) -> Response | str:
    """Spend the link's token on what it is for, and say that it is done."""
    try:
        check_origin()
        with transaction() as session:
            member = spend(session, asking.token())
    except Gone as gone:
        return _gone(gone)
    except Problem as problem:
        return page_again(template, problem, token=asking.token())
    return page("email_done", title=title, email=member.email)


def _gone(gone: Gone) -> Response:
    return asking.gone_page(gone, EMAIL, words("See your address"))
