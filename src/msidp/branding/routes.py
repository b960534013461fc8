"""The community's look over the Admin API, and its colour as a stylesheet."""

import re
from typing import Any, cast

from flask import Blueprint, Response, current_app, request

from msidp.api import Data, answers, api, given
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.branding import colours, current, schemas, service
from msidp.branding.views import branding_json
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.errors import NotFound
from msidp.images import codec
from msidp.settings import Settings

bp = AdminBlueprint("branding", __name__, url_prefix="/branding")
public_bp = Blueprint("branding_colours", __name__)
TAGS = ["branding"]
_FILE = re.compile(r"([0-9a-f]{6})\.css")


@bp.get("")
@api.validate(resp=answers(Data[schemas.BrandingAnswer]), tags=TAGS)
def show() -> dict[str, Any]:
    """Retrieve how the community shows itself to its members."""
    return _answer()


@bp.patch("")
@api.validate(resp=answers(Data[schemas.BrandingAnswer], 503), tags=TAGS)
def change(json: schemas.BrandingChanges) -> dict[str, Any]:
    """Change how the community shows itself. Every page does within half a minute.

    422 `invalid-image` where the logo cannot be read.
    """
    fields = given(json)
    if fields.get("logo") is not None:
        fields["logo"] = codec.logo(codec.from_data_url(fields["logo"]))
    with transaction() as session:
        service.change(session, caller().community_id, cast("service.Changes", fields))
        details = {"fields": sorted(fields)}
        audit.record(session, key_holder(), "community.updated", caller().community_id, details)
    current.forget()
    return _answer()


@public_bp.get("/branding/<name>")
def stylesheet(name: str) -> Response:
    """A colour as a stylesheet, `/branding/3355d1.css`. It follows from its address alone."""
    known = _FILE.fullmatch(name)
    if known is None:
        raise NotFound("not-found", "There is nothing at this address.")
    colour = f"#{known.group(1)}"
    response = Response(colours.stylesheet(colour), mimetype="text/css")
    if request.args.get("v") == colours.version(colour):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _answer() -> dict[str, Any]:
    settings: Settings = current_app.extensions["msidp_settings"]
    with reading() as session:
        return {"data": branding_json(service.read(session, caller().community_id), settings.base_url)}
