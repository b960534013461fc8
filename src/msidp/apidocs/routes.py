"""/openapi.json, and /docs for people."""

from flask import Blueprint, Response, current_app, jsonify, render_template

from msidp.apidocs import document, reference
from msidp.settings import Settings

bp = Blueprint("apidocs", __name__)


@bp.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI document."""
    return jsonify(_document())


@bp.get("/docs")
def docs() -> str:
    """The same for people: one page, no script."""
    described = _document()
    return render_template(
        "apidocs/reference.html",
        info=described["info"],
        groups=reference.groups(described),
        schemas=reference.schemas(described),
    )


def _document() -> dict[str, object]:
    extensions = current_app.extensions
    if "msidp_openapi" not in extensions:
        settings: Settings = extensions["msidp_settings"]
        extensions["msidp_openapi"] = document.build(current_app, settings.base_url)
    found: dict[str, object] = extensions["msidp_openapi"]
    return found
