"""Error answers: one shape for programs, a page for people, the present language's words in both."""

from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from msidp import languages, negotiation
from msidp.errors import BadRequest, Busy, Problem, TooLarge, TooSlow, Unsupported
from msidp.incoming import body_limit
from msidp.negotiation import said
from msidp.outages import cause_of, is_away
from msidp.words import Words, words

_CODES = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}

_TITLES = {
    401: words("Please sign in"),
    403: words("Not allowed"),
    404: words("Page not found"),
    410: words("No longer here"),
    413: words("Too large"),
    429: words("Too many attempts"),
    503: words("Busy right now"),
}
_STALE = words("This form is no longer valid. Go back, reload the page and try again.")
_BUSY = words("The site is busy at this moment. Please try again in a few seconds.")
_OURS = words("Something went wrong")
_THEIRS = words("This did not work")
_MESSAGES = {
    400: words("Your browser has sent a request that cannot be read."),
    404: words("There is nothing at this address."),
    405: words("This address takes no request of this kind."),
}

_OF_SERVER: dict[int, tuple[type[Problem], str, str]] = {
    400: (BadRequest, "incomplete-body", words("The body is not complete.")),
    408: (TooSlow, "too-slow", words("The body took too long to arrive.")),
    501: (Unsupported, "unsupported-encoding", "Of transfer encodings only chunked is known here."),
    413: (TooLarge, "too-large", ""),  # which limit it is depends on the path
    503: (Busy, "busy", _BUSY),
}

log = structlog.get_logger(__name__)


def init_app(app: Flask) -> None:
    """Have this app's errors answered here."""
    app.register_error_handler(Problem, _answer_problem)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(SQLAlchemyError, _answer_database_error)
    app.register_error_handler(Exception, _answer_crash)


def of_server(status: int) -> Problem:
    """Why the server has not taken the body of the present request, by the status that it chose."""
    problem, code, message = _OF_SERVER[status]
    return problem(code, message or _too_large(), headers={"Retry-After": "5"} if status == 503 else None)


def wants_html() -> bool:
    """Whether the caller is a browser asking for a page."""
    accepted = request.accept_mimetypes
    return accepted.best_match(["application/json", "text/html"]) == "text/html" and accepted["text/html"] > 0


def _answer_problem(problem: Problem) -> Response:
    return _answer(problem.status, problem.code, problem.message, problem.as_json(), problem.headers)


def _answer_http_exception(error: HTTPException) -> Response:
    if isinstance(error, CSRFError):
        return _answer(400, "csrf", _STALE, {"code": "csrf", "message": _STALE}, {})
    if error.response is not None:
        return error.response  # type: ignore[return-value]  # Flask's own responses come out as they went in
    status = error.code or 500
    message = error.description or error.name
    if status == 413 or message == type(error).description:  # werkzeug's own words
        message = _too_large() if status == 413 else _MESSAGES.get(status, message)
    code = _CODES.get(status, "error" if status >= 500 else "bad-request")
    headers = {
        name: value for name, value in error.get_headers() if name in ("Allow", "Location", "Retry-After")
    }
    return _answer(status, code, message, {"code": code, "message": message}, headers)


def _too_large() -> Words:
    return words("The request is larger than %(limit)s bytes.", limit=f"{body_limit(request.path):,}")


def _answer_database_error(error: SQLAlchemyError) -> Response:
    busy = database_away(error)
    return _answer_problem(busy) if busy else _answer_crash(error)


def database_away(error: SQLAlchemyError) -> Busy | None:
    """What to tell the caller where the database cannot be had at present; None where the mistake is ours."""
    if not is_away(error):
        return None
    log.error("the database does not answer", path=request.path, error=cause_of(error))
    return Busy("busy", _BUSY, headers={"Retry-After": "5"})


def _answer_crash(error: Exception) -> Response:
    log.error("unhandled error", method=request.method, path=request.path, exc_info=error)
    reference = g.get("request_id", "unknown")
    message = words("Something went wrong on our side. The reference is %(reference)s.", reference=reference)
    return _answer(500, "internal-error", message, {"code": "internal-error", "message": message}, {})


def frame_errors(app: Flask, prefix: str, page: Callable[[int, str, str, str], str | None]) -> None:
    """Have errors under this path shown by a page of its own, which is given status, title, code and message.

    None for none: then it is the page that everybody sees.
    """
    app.extensions.setdefault("msidp_error_pages", {})[prefix] = page


def _framed(status: int, code: str, message: str) -> str | None:
    """The page of a feature, for what is wrong with a request. What is wrong with us needs no more of us."""
    for prefix, page in current_app.extensions.get("msidp_error_pages", {}).items():
        if status < 500 and request.path.startswith(prefix):
            found: str | None = page(status, said(_TITLES.get(status, _THEIRS)), code, said(message))
            return found
    return None


def _answer(status: int, code: str, message: str, body: dict[str, Any], headers: dict[str, str]) -> Response:
    if wants_html():
        if page := _framed(status, code, message):
            return Response(page, status, headers, mimetype="text/html")
        if not isinstance(message, Words):  # for developers: the page is not to speak two languages
            negotiation.speak(languages.SOURCE)
        page = render_template(
            "error.html",
            title=said(_TITLES.get(status, _OURS if status >= 500 else _THEIRS)),
            status=status,
            code=code,
            message=said(message),
            reference=g.get("request_id", "unknown"),
        )
        response = Response(page, mimetype="text/html")
    else:
        response = jsonify(body | {"message": negotiation.told(message)})
    response.status_code = status
    response.headers.update(headers)
    return response
