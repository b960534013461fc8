"""Settings → Tokens and webhooks: how long things work, are kept, and where webhooks may go."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.dashboard.frame import HOME, actor, bp, done, operator, page
from msidp.dashboard.input import checked, numbers_of
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.oidc import defaults
from msidp.oidc.schemas import TokenLifetimes
from msidp.settings import Settings
from msidp.webhooks import keeping
from msidp.webhooks.keeping_routes import WebhookSettings

PATH = f"{HOME}/settings/tokens"


@bp.get("/settings/tokens")
def show_token_settings() -> Response:
    """What new applications get; how long webhooks' log is kept; what the environment says."""
    return _page()


@bp.post("/settings/tokens")
def change_token_settings() -> Response:
    """Let new applications get other lifetimes."""
    try:
        changes = checked(TokenLifetimes, numbers_of(request.form, defaults.OURS)).model_dump()
        with transaction() as session:
            defaults.change(session, operator().community_id, changes)
            _note(session, changes)
    except Problem as problem:
        return _page(problem=problem, values=request.form)
    return done("Saved. Applications that are made from now on get these lifetimes.", PATH)


@bp.post("/settings/retention")
def change_retention() -> Response:
    """Keep events, deliveries and attempts for longer or shorter."""
    try:
        changes = checked(WebhookSettings, numbers_of(request.form, keeping.NAMES)).model_dump()
        with transaction() as session:
            keeping.change(session, operator().community_id, changes)
            _note(session, changes)
    except Problem as problem:
        return _page(problem=problem, days=request.form)
    return done("Saved. What is older goes within the hour.", PATH)


def _note(session: Any, changes: dict[str, Any]) -> None:
    details = {"fields": sorted(changes)}
    audit.record(session, actor(), "community.updated", operator().community_id, details)


def _page(**context: Any) -> Response:
    settings: Settings = current_app.extensions["msidp_settings"]
    with reading() as session:
        values = defaults.read(session, operator().community_id)
        days = keeping.read(session, operator().community_id)
    frame: dict[str, Any] = {
        "values": values,
        "ours": defaults.OURS,
        "days": days,
        "by_environment": keeping.by_environment(),
        "rows": _rows(settings),
    }
    return page("token_settings", **frame | context)


def _rows(settings: Settings) -> list[tuple[str, str, str]]:
    """What the environment says: in words, and by which variable."""
    networks = ", ".join(map(str, settings.outbound_allow_networks))
    waits = ", ".join(f"{delay:g} s" for delay in settings.webhook_retry_schedule)
    return [
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
