"""Health: what is wrong, and how to mend it. The same checks as `msidp doctor`."""

from flask import current_app
from werkzeug.wrappers import Response

from msidp.dashboard.frame import bp, page
from msidp.ops.diagnosis import examine
from msidp.ops.disclosure import shown


@bp.get("/health")
def health() -> Response:
    """Every check."""
    return page("health", checks=examine(current_app.extensions["msidp_settings"]), shown=shown)
