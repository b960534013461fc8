"""/forgot-password and /reset-password: a new password by way of the mailbox."""

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from msidp.accounts import assurance, signin
from msidp.accounts.mailed import asking, resets, tokens
from msidp.accounts.mailed.forms import AddressForm, PasswordForm
from msidp.accounts.pages import check_origin, hint, page, page_again
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Gone, Problem
from msidp.vault.passwords import hash_password
from msidp.words import words

bp = Blueprint("resets", __name__)
AGAIN = "/forgot-password"


@bp.get(AGAIN)
def forgot_password() -> str:
    return page("forgot_password", email=hint() or "")


@bp.post(AGAIN)
def submit_forgot_password() -> Response | str:
    form = AddressForm.sent()
    try:
        check_origin()
        address = form.address()
        asking.count_mail(address)
        with transaction() as session:
            resets.ask(session, default_community_id(), address, asking.asker())
    except Problem as problem:
        return page_again("forgot_password", problem, form)
    return page("mail_sent", email=address.address, what="reset")


@bp.get("/reset-password")
def reset_password() -> Response | str:
    with reading() as session:
        held = tokens.look(session, tokens.RESET, asking.token())
    return page("reset_password", **asking.frame(held)) if held else _gone(asking.gone())


@bp.post("/reset-password")
def submit_reset_password() -> Response:
    with reading() as session:
        held = tokens.look(session, tokens.RESET, asking.token())
    if held is None:
        return _gone(asking.gone())
    form = PasswordForm.sent()
    try:
        check_origin()
        form.check(held.email.address)
        password_hash = hash_password(form.password)
        with transaction() as session:
            member = resets.finish(session, asking.token(), password_hash)
            way = signin.sign_in(session, member, assurance.MAILED_CODE)
    except Gone as gone:
        return _gone(gone)
    except Problem as problem:
        return page_again("reset_password", problem, token=asking.token(), email=held.email.address)
    return redirect(way, 303)


def _gone(gone: Gone) -> Response:
    return asking.gone_page(gone, AGAIN, words("Ask for another link"))
