"""/signup/finish: an account begins with the link that was mailed to its address."""

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from msidp.accounts import assurance, signin
from msidp.accounts.mailed import asking, sign_up, tokens
from msidp.accounts.pages import check_origin, page, page_again
from msidp.db import reading, transaction
from msidp.errors import Gone, Problem
from msidp.words import words

bp = Blueprint("sign_up_by_mail", __name__)
FINISH = "/signup/finish"


@bp.get(FINISH)
def finish() -> Response | str:
    with reading() as session:
        held = tokens.look(session, tokens.SIGN_UP, asking.token())
    return page("signup_finish", **asking.frame(held)) if held else _gone(asking.gone())


@bp.post(FINISH)
def submit_finish() -> Response:
    try:
        check_origin()
        with transaction() as session:
            member = sign_up.finish(session, asking.token())
            way = signin.sign_in(session, member, assurance.MAILED_CODE)
    except Gone as gone:
        return _gone(gone)
    except Problem as problem:
        return page_again("signup_finish", problem, token=asking.token())
    return redirect(way, 303)


def _gone(gone: Gone) -> Response:
    return asking.gone_page(gone, "/signup", words("Sign up again"))
