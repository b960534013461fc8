"""What the hosted pages share: the frame around each, the way a form comes back, the way on."""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from flask import current_app, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from msidp import languages, web
from msidp.accounts.browser import login_url
from msidp.accounts.continuation import local_path, resolve
from msidp.errors import BadRequest, Invalid, Problem
from msidp.negotiation import PARAMETER, asked_here, language, said
from msidp.words import words

HOME = "/account"
_QUERY = ("login_hint", "again", "token", "with", "deleted", PARAMETER)  # beside `next`


class SentForm(Protocol):
    """A form that can come back."""

    def echo(self) -> Mapping[str, Any]:
        """What the page shows again. Never a secret."""


def day(moment: int) -> str:
    """A day (UTC) as this page shows it."""
    return languages.day(moment, language())


def exact(moment: int) -> str:
    """A moment (UTC) as this page shows it."""
    return languages.minute(moment, language())


def page(template: str, **context: Any) -> str:
    """A page that knows where it leads on to; its form may lead to an application."""
    next_ = next_path()
    ahead = resolve(next_)
    if ahead:
        web.let_forms_lead_away()
    frame: dict[str, Any] = {
        "problem": None,
        "errors": {},
        "next": next_,
        "ahead": ahead,
        "hint": hint(),
        "login_url": login_url,
        "page_url": page_url,
        "here": _own_path() if request.method == "GET" else None,  # a form would lose what was typed
    }
    return render_template(f"accounts/{template}.html", **frame | context)


def page_again(template: str, problem: Problem, form: SentForm | None = None, **context: Any) -> Response:
    """The page once more, with what was wrong. It keeps what was typed, but for secrets."""
    errors = {detail["field"]: said(detail["message"]) for detail in problem.details or ()}
    frame = {"problem": said(problem.message), "errors": errors, **(form.echo() if form else {}), **context}
    response = current_app.make_response((page(template, **frame), problem.status))
    response.headers.update(problem.headers)
    return response


def check_origin() -> None:
    """Refuse a form from another site, or one whose token is no longer good. Raises BadRequest."""
    try:
        web.csrf.protect()
    except CSRFError:
        message = words(
            "This page had been open for too long, or your browser keeps no cookies. Please try again."
        )
        raise BadRequest("csrf", message) from None


def invalid(errors: Mapping[str, str]) -> Invalid:
    """What is wrong with a form, by field."""
    details = [{"field": name, "message": text} for name, text in errors.items()]
    return Invalid("invalid", words("Please check what you entered."), details=details)


def next_path() -> str | None:
    """Where this request leads on to: a path on this site."""
    return local_path(request.values.get("next"))


def page_url(path: str) -> str:
    """The path of another page before the log-in, which leads on to where this one does."""
    query = {"next": next_path(), "login_hint": hint(), PARAMETER: asked_here()}
    pairs = {name: value for name, value in query.items() if value}
    return path + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def _own_path() -> str:
    """The path of this page, with what of its query it knows."""
    query = {name: request.args[name] for name in _QUERY if request.args.get(name)} | {"next": next_path()}
    pairs = {name: value for name, value in query.items() if value}
    return request.path + (f"?{urlencode(pairs, errors='replace')}" if pairs else "")


def go_on() -> Response:
    """Lead on."""
    return redirect(next_path() or HOME, 303)


def hint() -> str | None:
    """The address that the application expects."""
    return request.args.get("login_hint", "")[:320] or None
