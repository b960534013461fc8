"""Settings → Tokens and webhooks: how long things work, are kept, and where webhooks may go."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.dashboard.frame import HOME, actor, bp, done, operator, page
from msidp.dashboard.input import checked
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.oidc import defaults
from msidp.oidc.schemas import TokenLifetimes
from msidp.settings import Settings

PATH = f"{HOME}/settings/tokens"
_FIELDS = {
    "access_token_lifetime": "accessTokenLifetime",
    "id_token_lifetime": "idTokenLifetime",
    "refresh_token_lifetime": "refreshTokenLifetime",
}
_LONGEST_NUMBER = 9  # digits


@bp.get("/settings/tokens")
def show_token_settings() -> Response:
    """What new applications get; what the environment says of webhooks."""
    return _page()


@bp.post("/settings/tokens")
def change_token_settings() -> Response:
    """Let new applications get other lifetimes."""
    try:
        fields = {name: _number(request.form.get(field, "")) for field, name in _FIELDS.items()}
        changes = checked(TokenLifetimes, fields).model_dump()
        with transaction() as session:
            defaults.change(session, operator().community_id, changes)
            details = {"fields": sorted(changes)}
            audit.record(session, actor(), "community.updated", operator().community_id, details)
    except Problem as problem:
        return _page(problem=problem, values=request.form)
    return done("Saved. Applications that are made from now on get these lifetimes.", PATH)


def _number(text: str) -> int | str | None:
    """The number; None for nothing; the text itself where it is no number, which the schema refuses."""
    text = text.strip()
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else text or None


def _page(**context: Any) -> Response:
    settings: Settings = current_app.extensions["msidp_settings"]
    with reading() as session:
        values = defaults.read(session, operator().community_id)
    frame: dict[str, Any] = {"values": values, "ours": defaults.OURS, "rows": _rows(settings)}
    return page("token_settings", **frame | context)


def _rows(settings: Settings) -> list[tuple[str, str, str]]:
    """What the environment says: in words, and by which variable."""
    networks = ", ".join(map(str, settings.outbound_allow_networks))
    waits = ", ".join(f"{delay:g} s" for delay in settings.webhook_retry_schedule)
    return [
        ("Events are kept", _days(settings.event_retention_days), "MSIDP_EVENT_RETENTION_DAYS"),
        ("Deliveries are kept", _days(settings.delivery_retention_days), "MSIDP_DELIVERY_RETENTION_DAYS"),
        ("Attempts are kept", _days(settings.attempt_retention_days), "MSIDP_ATTEMPT_RETENTION_DAYS"),
        ("A receiver has", f"{settings.webhook_timeout:g} seconds to answer", "MSIDP_WEBHOOK_TIMEOUT"),
        ("Waits before each attempt", waits, "MSIDP_WEBHOOK_RETRY_SCHEDULE"),
        (
            "Networks beside the public ones that may be called",
            networks or "none",
            "MSIDP_OUTBOUND_ALLOW_NETWORKS",
        ),
        (
            "Webhooks without TLS (http)",
            "allowed" if settings.outbound_allow_http else "refused",
            "MSIDP_OUTBOUND_ALLOW_HTTP",
        ),
    ]


def _days(number: int) -> str:
    return "for ever" if number == 0 else "for a day" if number == 1 else f"for {number} days"
