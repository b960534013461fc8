"""Settings: the community's name, language and public key; what the environment says, to look at."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from msidp import languages
from msidp.audit import service as audit
from msidp.branding import current as brand
from msidp.communities import origins, service
from msidp.dashboard import snippets
from msidp.dashboard.frame import HOME, actor, bp, done, operator, page
from msidp.dashboard.input import lines_of, name_of
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.ops.disclosure import shown
from msidp.settings import Settings

PATH = f"{HOME}/settings"


@bp.get("/settings")
def settings() -> Response:
    return _page()


@bp.post("/settings")
def change_settings() -> Response:
    """Give the community another name, or language; say whose pages may call the Client API."""
    try:
        name = name_of(request.form)
        language = _language()
        allowed = _origins()
        with transaction() as session:
            service.rename(session, operator().community_id, name)
            if language is not None:
                service.speak(session, operator().community_id, language)
            if allowed is not None:
                service.allow_origins(session, operator().community_id, allowed)
            given = {"name": name, "language": language, "allowed_origins": allowed}
            changed = {"fields": [field for field, value in given.items() if value is not None]}
            audit.record(session, actor(), "community.updated", operator().community_id, changed)
    except Problem as problem:
        typed = {field: request.form.get(field, "") for field in ("name", "allowed_origins")}
        return _page(problem=problem, **typed)
    brand.forget()
    return done("Saved. Every page shows it within half a minute.", PATH)


def _language() -> str | None:
    """The language that was chosen; None where nothing was. Raises Invalid."""
    found = request.form.get("language")
    if found is not None and found not in languages.NAMES:
        raise Invalid("invalid", "Choose one of the languages.")
    return found


def _origins() -> list[str] | None:
    """The origins, one a line; None where the form has no such field. Raises Invalid."""
    if "allowed_origins" not in request.form:
        return None
    found = []
    for line in lines_of(request.form, "allowed_origins"):
        try:
            found.append(origins.read(line))
        except ValueError as error:
            details = [{"field": "allowed_origins", "message": f"“{line[:100]}” {error}"}]
            raise Invalid("invalid", "Please check what you entered.", details=details) from None
    if len(found) > origins.MOST:
        message = f"There can be {origins.MOST} at most."
        raise Invalid("invalid", message, details=[{"field": "allowed_origins", "message": message}])
    return found


def _page(**context: Any) -> Response:
    with reading() as session:
        community = service.find_default(session)
    in_force: Settings = current_app.extensions["msidp_settings"]
    environment = {f"MSIDP_{name.upper()}": shown(value) for name, value in in_force}
    frame: dict[str, Any] = {
        "name": community.name if community else "",
        "language": community.language if community else languages.SOURCE,
        "allowed_origins": "\n".join(community.allowed_origins) if community else "",
        "community": community,
        "snippet": snippets.memberstack_dom(in_force.base_url, community.public_key) if community else "",
    }
    return page("settings", environment=environment, **frame | context)
