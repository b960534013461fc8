"""Settings → Branding: the community's look, with the sign-in page as members will see it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Response as FlaskResponse
from flask import current_app, make_response, request
from werkzeug.wrappers import Response

from msidp import languages
from msidp.accounts import pages
from msidp.audit import service as audit
from msidp.branding import colours, current, service
from msidp.branding.schemas import BrandingChanges
from msidp.branding.service import Brand, Changes, Logo
from msidp.dashboard.frame import HOME, actor, bp, done, operator, page
from msidp.dashboard.input import checked
from msidp.db import reading, transaction
from msidp.errors import Invalid, NotFound, Problem
from msidp.images import codec

PATH = f"{HOME}/settings/branding"
SCHEMES = ("light", "dark")
_LINKS = {"support_url": "supportUrl", "terms_url": "termsUrl", "privacy_url": "privacyUrl"}
_MOVING = re.compile(r"<script\b.*?</script>| autofocus\b", re.DOTALL)
_SHEETS = re.compile(r'<link rel="stylesheet"[^>]*>\s*')
_DARK = re.compile(r"\(prefers-color-scheme: ?dark\)")


@bp.get("/settings/branding")
def show_branding() -> Response:
    """The look as it is."""
    brand = _saved()
    return _page(_values_of(brand), brand)


@bp.post("/settings/branding")
def change_branding() -> Response:
    """Give the community another look."""
    try:
        changes = _changes()
        with transaction() as session:
            service.change(session, operator().community_id, changes)
            details = {"fields": sorted(changes)}
            audit.record(session, actor(), "community.updated", operator().community_id, details)
    except Problem as problem:
        return _page(dict(request.form), _saved(), problem=problem)
    current.forget()
    return done("Saved. Every page shows it within half a minute.", PATH)


@bp.post("/settings/branding/preview")
def preview_branding() -> Response:
    """The look as the form has it: the preview alone for htmx, else the page with it."""
    saved = _saved()
    try:
        brand = _brand_after(saved, _changes())
    except Problem as problem:
        if request.headers.get("HX-Request"):
            return page("_branding_preview", previews=_previews(saved), complaint=problem)
        return _page(dict(request.form), saved, problem=problem)
    if request.headers.get("HX-Request"):
        return page("_branding_preview", previews=_previews(brand), complaint=None)
    return _page(dict(request.form), brand)


@bp.get("/settings/branding/<scheme>.css")
def preview_stylesheet(scheme: str) -> Response:
    """The pages' stylesheets for one scheme, which the system would choose otherwise."""
    if scheme not in SCHEMES:
        raise NotFound("not-found", "There are a light and a dark one.")
    own = Path(current_app.static_folder or "", "pages.css").read_text()
    colour = request.args.get("color")
    both = own + (colours.stylesheet(colours.parse(colour)) if colour else "")
    chosen = _DARK.sub("all" if scheme == "dark" else "not all", both).replace("light dark", scheme)
    return FlaskResponse(chosen, mimetype="text/css")


def _changes() -> Changes:
    """What the form says. Raises Invalid, Busy."""
    form = request.form
    fields: dict[str, Any] = {json: form.get(name, "").strip() or None for name, json in _LINKS.items()}
    fields |= {
        "accentColor": form.get("accent_color", "").strip() or None if "own_color" in form else None,
        "welcome": {
            language: text
            for language in languages.NAMES
            if (text := " ".join(form.get(f"welcome_{language}", "").split()))
        },
    }
    read = checked(BrandingChanges, fields)
    changes: Changes = {
        "accent_color": read.accent_color,
        "welcome": {str(language): text for language, text in read.welcome.items()},
        "support_url": read.support_url,
        "terms_url": read.terms_url,
        "privacy_url": read.privacy_url,
    }
    if upload := _upload():
        changes["logo"] = _logo(upload)
    elif "remove_logo" in form:
        changes["logo"] = None
    return changes


def _upload() -> bytes:
    sent = request.files.get("logo")
    return sent.read() if sent else b""


def _logo(upload: bytes) -> codec.Picture:
    try:
        return codec.logo(upload)
    except Invalid as problem:
        detail = {"field": "logo", "message": problem.message}
        raise Invalid(problem.code, "Please check what you entered.", details=[detail]) from None


def _brand_after(saved: Brand, changes: Changes) -> Brand:
    logo = saved.logo
    if "logo" in changes:
        picture = changes["logo"]
        logo = Logo.of(picture) if picture else None
    rest: dict[str, Any] = {name: value for name, value in changes.items() if name != "logo"}
    return replace(saved, logo=logo, **rest)


def _previews(brand: Brand) -> dict[str, str]:
    """The sign-in page in both schemes, as something to look at: it runs nothing and takes no focus."""
    current.show(brand)
    answer = make_response(pages.page("login", email="", again=False))
    current.show(_saved())
    still = _MOVING.sub("", answer.get_data(as_text=True)).replace("<body", "<body inert", 1)
    return {scheme: _in_scheme(still, scheme, brand.accent_color) for scheme in SCHEMES}


def _in_scheme(html: str, scheme: str, colour: str | None) -> str:
    """The page in that scheme, whichever the operator's system has."""
    sheet = f"{PATH}/{scheme}.css" + (f"?color={colour[1:]}" if colour else "")
    linked = f'<link rel="stylesheet" href="{sheet}">\n</head>'
    return _SHEETS.sub("", html).replace("light dark", scheme).replace("</head>", linked, 1)


def _saved() -> Brand:
    with reading() as session:
        return service.read(session, operator().community_id)


def _values_of(brand: Brand) -> dict[str, Any]:
    welcome = {f"welcome_{language}": text for language, text in brand.welcome.items()}
    links = {name: getattr(brand, name) or "" for name in _LINKS}
    colour = {"own_color": "1", "accent_color": brand.accent_color} if brand.accent_color else {}
    return {**colour, **welcome, **links}


def _page(values: dict[str, Any], brand: Brand, **context: Any) -> Response:
    previews = _previews(brand)
    return page(
        "branding",
        values=values,
        languages=languages.NAMES,
        previews=previews,
        complaint=None,
        has_logo=_saved().logo is not None,
        **context,
    )
