"""GET /images/<id>: pictures, at addresses that never get another content."""

import re

from flask import Blueprint, Response

from msidp.db import reading
from msidp.errors import NotFound
from msidp.images import service

bp = Blueprint("images", __name__)
_KEPT = {
    "image/png": "public, max-age=31536000, immutable",  # a logo
    "image/jpeg": "private, max-age=86400",  # a member's photo, which is to be gone soon after they are
}
_NAME = re.compile(r"([0-9a-f]{32})\.(?:png|jpg)")


@bp.get("/images/<name>")
def show(name: str) -> Response:
    """A picture. Any site may show it: `picture` is a claim.

    A logo may be kept for ever; a photo for a day, and by nobody but the browser.
    """
    known = _NAME.fullmatch(name)
    with reading() as session:
        found = service.find(session, known.group(1)) if known else None
    if known is None or found is None or service.path_of(known.group(1), found[1]) != f"/images/{name}":
        raise NotFound("image-not-found", "There is no such picture.")
    content, media_type = found
    response = Response(content, mimetype=media_type)
    response.headers["Cache-Control"] = _KEPT[media_type]
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
