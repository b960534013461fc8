"""/account/export and /account/delete: members take their data along, or with them."""

from collections.abc import Iterator

from flask import Blueprint, Flask, Response, current_app, redirect, request, stream_with_context
from werkzeug.wrappers import Response as AnyResponse

from msidp.accounts import notices, trail
from msidp.accounts.browser import end_session
from msidp.accounts.guard import require_fresh
from msidp.accounts.own import export
from msidp.accounts.pages import check_origin, invalid, page, page_again
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.members import service as members
from msidp.members.emails import normalise
from msidp.negotiation import language
from msidp.words import words

EXPORT = "/account/export"
DELETE = "/account/delete"

bp = Blueprint("own_data", __name__)


def add_section(app: Flask, name: str, section: export.Section) -> None:
    """Let a feature above add what it keeps about members to their export."""
    app.extensions.setdefault("msidp_export", {})[name] = section


@bp.get(EXPORT)
def download() -> Response:
    """The member's data as a file, sent while it is read."""
    member = require_fresh(EXPORT)
    with transaction() as session:
        trail.warn(session, member, "member.exported", "data_exported")
    more = current_app.extensions.get("msidp_export", {})
    community_id = default_community_id()

    def pieces() -> Iterator[str]:
        with reading() as session:
            yield from export.write(session, community_id, member.id, more)

    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return Response(stream_with_context(pieces()), mimetype="application/json", headers=headers)


@bp.get(DELETE)
def ask() -> str:
    return page("delete", member=require_fresh(DELETE))


@bp.post(DELETE)
def delete() -> AnyResponse:
    """Delete the account, once the member has typed its address. What applications hold of them ends too."""
    member = require_fresh(DELETE)
    try:
        check_origin()
        if not _names(request.form.get("email", ""), member.email_key):
            raise invalid({"email": words("Type the address of this account to delete it.")})
        with transaction() as session:
            trail.note(session, member.id, "member.deleted")
            notices.tell_of_deletion(session, member, language())
            members.delete_member(session, default_community_id(), member.id)
            end_session(session)
    except Problem as problem:
        return page_again("delete", problem, member=member)
    return redirect("/logout?deleted=1", 303)


def _names(text: str, email_key: str) -> bool:
    try:
        return normalise(text).key == email_key
    except Invalid:
        return False
