"""Settings: the community's name and language; what the environment says, to look at."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from msidp import languages
from msidp.audit import service as audit
from msidp.branding import current as brand
from msidp.communities import service
from msidp.dashboard.frame import HOME, actor, bp, done, operator, page
from msidp.dashboard.input import name_of
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.ops.disclosure import shown

PATH = f"{HOME}/settings"


@bp.get("/settings")
def settings() -> Response:
    return _page()


@bp.post("/settings")
def change_settings() -> Response:
    """Give the community another name."""
    try:
        name = name_of(request.form)
        language = _language()
        with transaction() as session:
            service.rename(session, operator().community_id, name)
            if language is not None:
                service.speak(session, operator().community_id, language)
            changed = {"fields": ["name", "language"] if language else ["name"]}
            audit.record(session, actor(), "community.updated", operator().community_id, changed)
    except Problem as problem:
        return _page(problem=problem, name=request.form.get("name", ""))
    brand.forget()
    return done("Saved. Every page shows it within half a minute.", PATH)


def _language() -> str | None:
    """The language that was chosen; None where nothing was. Raises Invalid."""
    found = request.form.get("language")
    if found is not None and found not in languages.NAMES:
        raise Invalid("invalid", "Choose one of the languages.")
    return found


def _page(**context: Any) -> Response:
    with reading() as session:
        community = service.find_default(session)
    environment = {
        f"MSIDP_{name.upper()}": shown(value) for name, value in current_app.extensions["msidp_settings"]
    }
    frame: dict[str, Any] = {
        "name": community.name if community else "",
        "language": community.language if community else languages.SOURCE,
        "community": community,
    }
    return page("settings", environment=environment, **frame | context)
