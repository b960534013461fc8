"""/account/photo: a member's photo, which applications get as the claim `picture`."""

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from msidp.accounts.guard import require_member
from msidp.accounts.pages import check_origin, invalid, page, page_again
from msidp.db import transaction
from msidp.errors import Invalid, Problem
from msidp.images import codec
from msidp.images.codec import Picture
from msidp.members import photos
from msidp.settings import Settings
from msidp.words import words

PHOTO = "/account/photo"

bp = Blueprint("photo", __name__)


@bp.get(PHOTO)
def show() -> str:
    return page("photo", member=require_member(PHOTO))


@bp.post(PHOTO)
def change() -> Response:
    member = require_member(PHOTO)
    settings: Settings = current_app.extensions["msidp_settings"]
    try:
        check_origin()
        picture = _sent()
        with transaction() as session:
            photos.change(session, member.community_id, member.id, picture, settings.base_url)
    except Problem as problem:
        return page_again("photo", problem, member=member)
    return redirect("/account?done=photo", 303)


@bp.post(f"{PHOTO}/remove")
def remove() -> Response:
    member = require_member(PHOTO)
    try:
        check_origin()
        with transaction() as session:
            photos.remove(session, member.community_id, member.id)
    except Problem as problem:
        return page_again("photo", problem, member=member)
    return redirect("/account?done=photo", 303)


def _sent() -> Picture:
    """The photo of the form. Raises Invalid, Busy."""
    sent = request.files.get("photo")
    upload = sent.read() if sent else b""
    if not upload:
        raise invalid({"photo": words("Choose a picture.")})
    try:
        return codec.photo(upload)
    except Invalid as problem:
        raise invalid({"photo": problem.message}) from None
