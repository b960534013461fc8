"""/prebuilt-ui.js and /memberstack.js: what a site's own pages load, for the dialogs and for the attributes.

Each is assembled from files beside this one, as one classic script: the package waits for no module. What a
script must know of this community stands in front.
"""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, request

from msidp.branding import colours
from msidp.branding.colours import Surfaces
from msidp.branding.current import current_brand
from msidp.communities import service
from msidp.communities.guard import default_community_id
from msidp.cross_origin import allow_everybody
from msidp.db import reading
from msidp.settings import Settings

MAX_AGE = 300  # seconds until a browser asks whether the script, the colour in it or the key has changed
_FILES = Path(__file__).parent / "scripts"
_PARTS = {
    "prebuilt-ui": ("texts", "shared", "looks", "views", "prebuilt-ui"),
    "memberstack": ("texts", "shared", "page", "memberstack"),
}

bp = Blueprint("client_scripts", __name__)
allow_everybody(bp)


@bp.get("/prebuilt-ui.js")
def prebuilt_ui() -> Response:
    """The element `memberstack-prebuilt-ui`, which `openModal()` of @memberstack/dom shows."""
    return _script("prebuilt-ui")


@bp.get("/memberstack.js")
def memberstack() -> Response:
    """Forms, buttons and parts of a page by their attributes, with no script of the page's own."""
    return _script("memberstack")


def _script(name: str) -> Response:
    script = f'(() => {{\n"use strict";\nconst site = {_site()};\n{_code(name)}}})();\n'
    response = Response(script, mimetype="text/javascript")
    response.set_etag(sha256(script.encode()).hexdigest()[:32])
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug names its base class


@cache
def _code(name: str) -> str:
    return "\n".join((_FILES / f"{part}.js").read_text() for part in _PARTS[name])


def _site() -> str:
    settings: Settings = current_app.extensions["msidp_settings"]
    with reading() as session:
        public_key = service.get(session, default_community_id()).public_key
    schemes = {"light": _shades(colours.LIGHT), "dark": _shades(colours.DARK)}
    return json.dumps({"origin": settings.base_url, "publicKey": public_key, "colours": schemes})


def _shades(surfaces: Surfaces) -> dict[str, Any]:
    brand = current_brand()
    found = colours.shades((brand and brand.accent_color) or colours.DEFAULT, surfaces)
    return {"fill": found.fill, "onFill": found.on_fill, "accent": found.accent}
