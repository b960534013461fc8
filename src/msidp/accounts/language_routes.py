"""POST /language: the choice in the footer of every hosted page."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from msidp import languages, web
from msidp.accounts import language
from msidp.accounts.browser import current_login
from msidp.accounts.continuation import local_path
from msidp.communities.guard import default_community_id
from msidp.db import transaction
from msidp.errors import NotFound
from msidp.members import service as members
from msidp.words import words

bp = Blueprint("language", __name__)


@bp.post("/language")
def choose() -> Response:
    """Remember the choice, for who is logged in as their `locale`, and go back to the page.

    It needs no token: a form of another site is refused by its origin, and could do no more than this.
    """
    web.csrf.check_origin()
    wanted = request.form.get("language", "")
    if wanted not in languages.NAMES:
        raise NotFound("no-language", words("There are no pages in this language."))
    language.choose(wanted)
    login = current_login()
    if login is not None and language.kept() != wanted:
        with transaction() as session:
            members.update_member(
                session, default_community_id(), login.member_id, {"profile": {"locale": wanted}}
            )
    back = local_path(request.form.get("return_to")) or "/"
    return redirect(language.readdress(back, wanted), 303)
