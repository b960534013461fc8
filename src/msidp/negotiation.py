"""In which language this request is answered.

Features register what they know of it, the most telling first (`ask`): what an application has asked for,
what the member keeps, what was chosen on a page. Then comes what the browser says, and at last the default.
It is worked out when the first text is translated: who shows no page (the token endpoint) pays nothing.
"""

from collections.abc import Callable

import structlog
from flask import Flask, Response, current_app, g, has_request_context, request
from flask_babel import Babel, get_translations, refresh
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from msidp import languages
from msidp.errors import Problem

Source = Callable[[], str | None]
"""Tells one of `languages.LANGUAGES`, or None where it knows nothing."""

PARAMETER = "ui_locales"  # OpenID Connect Core 1.0, section 3.1.2.1
_VARY = ("Accept-Language", "Cookie")
log = structlog.get_logger(__name__)


def init_app(app: Flask) -> None:
    """Give the templates gettext, `said`, and what their language is about."""
    app.extensions["msidp_languages"] = []
    Babel(
        app,
        default_locale=languages.SOURCE,
        default_translation_directories=str(languages.DIRECTORY),
        locale_selector=_select,
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.filters["said"] = said
    app.jinja_env.globals |= {
        "language": language,
        "language_names": languages.NAMES,
        "language_asked_here": asked_here,
    }


def ask(app: Flask, *sources: Source) -> None:
    """Ask these for the language, one after the other, before the browser is asked."""
    _sources(app)[:] = sources


def default(app: Flask, source: Source) -> None:
    """Ask this one where nothing else tells."""
    app.extensions["msidp_default_language"] = source


def language() -> str:
    """The language of this request's answer."""
    if "language" not in g:
        g.language = _find()
    found: str = g.language
    return found


def asked_here() -> str | None:
    """The language that this page's own address or form asks for; None outside a request."""
    return languages.best(request.values.get(PARAMETER, "").split(" ")) if has_request_context() else None


def speak(wanted: str) -> None:
    """Answer this request in this language, whatever was to be."""
    g.language = wanted
    refresh()


def translate_problems() -> None:
    """Say what is wrong with this request in its language, in JSON too: a member will read it on a page."""
    g.problems_translated = True


def told(message: str) -> str:
    """What is wrong with this request, for JSON: in English, unless members read it."""
    return said(message) if g.get("problems_translated") else message


def said(text: str) -> str:
    """The text in this request's language, if it is Words; any other stays what it is."""
    return languages.say(text, get_translations())


def label(response: Response) -> None:
    """Note the language on the answer, if it is in any."""
    if "language" in g:
        response.headers["Content-Language"] = g.language
        response.vary.update(_VARY)


def _select() -> str:
    return language().replace("-", "_")


def _find() -> str:
    sources = [*_sources(current_app), _browser]
    if fallback := current_app.extensions.get("msidp_default_language"):
        sources.append(fallback)
    return next((found for source in sources if (found := _heard(source))), languages.SOURCE)


def _heard(source: Source) -> str | None:
    """What a source says. Pages about errors are translated too: what is broken there tells nothing."""
    try:
        return source()
    except (HTTPException, Problem, SQLAlchemyError) as error:
        log.warning("the language cannot be told", error=str(error))
        return None


def _browser() -> str | None:
    return languages.best(tag for tag, quality in request.accept_languages if quality > 0)


def _sources(app: Flask) -> list[Source]:
    found: list[Source] = app.extensions["msidp_languages"]
    return found
