"""The dashboard, put together: its pages, and what its templates know."""

import json
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from flask import Flask, render_template

from msidp import clock, error_answers
from msidp.accounts import devices
from msidp.dashboard.frame import HOME, bp, field_of, signed_in
from msidp.dashboard.navigation import NAVIGATION
from msidp.dashboard.wording import as_title, in_words, told

_NAMELESS = ("Input", "String", "List")  # what a schema calls the field
PAGES = (
    "account",
    "api_keys",
    "applications",
    "audit_log",
    "branding",
    "confirm",
    "deliveries",
    "entrance",
    "event_types",
    "events",
    "exports",
    "factors",
    "forgotten",
    "health",
    "imports",
    "jobs",
    "keys",
    "mail",
    "mail_texts",
    "member_access",
    "members",
    "operators",
    "overview",
    "plans",
    "registration",
    "replays",
    "second_step",
    "settings",
    "token_settings",
    "try_login",
    "webhooks",
)
for _name in PAGES:
    import_module(f"msidp.dashboard.{_name}")  # which registers its pages


def init_app(app: Flask) -> None:
    """Register the dashboard."""
    app.register_blueprint(bp)
    error_answers.frame_errors(app, f"{HOME}/", error_page)


def error_page(status: int, title: str, code: str, message: str) -> str | None:
    """An error among the menu, for whoever is signed in."""
    who = signed_in()
    if who is None:
        return None
    frame: dict[str, Any] = {
        "operator": who,
        "problem": None,
        "errors": {},
        "navigation": NAVIGATION,
    }
    told = {"status": status, "title": title, "code": code, "message": message}
    return render_template("dashboard/error.html", **frame, **told)


@bp.app_template_filter("utc")
def utc(moment: int) -> str:
    """A moment in UTC, for a person."""
    return datetime.fromtimestamp(moment / clock.SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")


@bp.app_template_filter("compact")
def compact(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


@bp.app_template_filter("merge")
def merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both dictionaries in one."""
    return {**one, **other}


@bp.app_template_filter("id_and_name")
def id_and_name(thing: Any) -> tuple[str, str]:
    """An option for something that has both."""
    return thing.id, thing.name


@bp.app_template_filter("tuple_twice")
def tuple_twice(text: str) -> tuple[str, str]:
    """An option whose label is its value."""
    return text, text


@bp.app_template_filter("device")
def device(user_agent: str | None) -> str:
    """What a browser says of itself, in the few words that the account pages use: `Firefox on Windows`."""
    return str(devices.describe(user_agent))


@bp.app_template_filter("finding")
def finding(detail: dict[str, str]) -> str:
    """What is wrong, for the head of a form: a phrase that does not say so itself has its field before it."""
    message = detail["message"]
    subject, should, rest = message.partition(" should ")
    if should and subject in _NAMELESS:
        message = f"should {rest}"
    if not message[:1].islower():
        return message
    return f"{as_title(field_of(detail))} {message}"


bp.app_template_filter("iso")(clock.iso)
bp.app_template_filter("as_title")(as_title)
bp.app_template_filter("in_words")(in_words)
bp.app_template_filter("told")(told)
bp.app_template_filter("field_of")(field_of)
bp.context_processor(lambda: {"navigation": NAVIGATION})
