"""Developer API → Webhooks: create, test, rotate, switch off, delete."""

from collections.abc import Callable
from typing import Any, cast

from flask import current_app, request
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from msidp import clock
from msidp.audit import service as audit
from msidp.dashboard import trends
from msidp.dashboard.charts import RANGES, chosen_range
from msidp.dashboard.frame import HOME, actor, again, bp, done, needs, operator, page
from msidp.dashboard.input import checked, confirmed, lines_of
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.outbound.urls import OutboundPolicy
from msidp.webhooks import catalogue, replays, schemas, service, throttle
from msidp.webhooks.models import CustomEventType, Delivery, EventBody, Replay, WebhookEndpoint
from msidp.webhooks.views import replay_json

PATH = f"{HOME}/webhooks"
RECENT = 10
RECENT_REPLAYS = 5
STATUSES = ("pending", "succeeded", "failed", "exhausted", "canceled")  # of deliveries
DIALECTS = {
    "memberstack": "Memberstack: its six events, its envelope and signature headers",
    "memberpad": "MemberPad: its 22 events, X-MemberPad-Signature",
    "standard": "Standard Webhooks: every event, custom types too",
}


@bp.get("/webhooks")
def webhooks() -> Response:
    """The webhooks of the community."""
    with reading() as session:
        found = list(
            session.scalars(
                select(WebhookEndpoint)
                .where(
                    WebhookEndpoint.community_id == operator().community_id,
                    *service.shown(),
                )
                .order_by(WebhookEndpoint.seq)
            )
        )
    return page("webhooks", webhooks=found, dialects=DIALECTS, most=service.MAX_ENDPOINTS)


@bp.get("/webhooks/new")
@needs("admin")
def new_webhook() -> Response:
    """The form, in the vocabulary of the dialect chosen."""
    return _form(_dialect(request.args))


@bp.post("/webhooks")
def create_webhook() -> Response:
    """Make a webhook; the page shows its secret this once."""
    dialect = _dialect(request.form)
    try:
        body = checked(schemas.WebhookInput, {**_sent(), "dialect": dialect})
        throttle.count(operator().community_id, "register")
        with transaction() as session:
            made, secret = service.create_endpoint(
                session, operator().community_id, _policy(), **body.model_dump()
            )
            audit.record(session, actor(), "webhook.created", made.id)
            webhook_id = made.id
    except Problem as problem:
        return _form(dialect, problem=problem, values=request.form, chosen=request.form.getlist("events"))
    return show_webhook(webhook_id, secret=secret, told="The webhook is made")


@bp.get("/webhooks/<webhook_id>")
def webhook(webhook_id: str) -> Response:
    return show_webhook(webhook_id)


@bp.post("/webhooks/<webhook_id>")
def change_webhook(webhook_id: str) -> Response:
    """Change what the form holds; the dialect stays."""

    def change(session: Session, endpoint: WebhookEndpoint) -> str:
        body = checked(schemas.WebhookChanges, _sent())
        changes = cast("service.EndpointChanges", body.model_dump(exclude_unset=True))
        service.update_endpoint(session, endpoint, changes, _policy())
        audit.record(session, actor(), "webhook.updated", webhook_id, {"fields": sorted(changes)})
        return "Saved."

    return _change(webhook_id, change, _count_another_url)


@bp.post("/webhooks/<webhook_id>/enabled")
def switch_webhook(webhook_id: str) -> Response:
    """Switch a webhook on or off. Off cancels what is open."""
    enabled = request.form.get("enabled") == "1"

    def change(session: Session, endpoint: WebhookEndpoint) -> str:
        service.update_endpoint(session, endpoint, {"enabled": enabled}, _policy())
        audit.record(session, actor(), "webhook.updated", webhook_id, {"fields": ["enabled"]})
        return "The webhook is on: it hears what happens from now on." if enabled else "The webhook is off."

    return _change(webhook_id, change)


@bp.post("/webhooks/<webhook_id>/test")
def test_webhook(webhook_id: str) -> Response:
    """Send a ping, and show its delivery."""
    try:
        throttle.count(operator().community_id, "test")
        with transaction() as session:
            endpoint = service.lock_endpoint(session, operator().community_id, webhook_id)
            delivery = service.test_endpoint(session, endpoint)
            audit.record(session, actor(), "webhook.tested", webhook_id)
            path = f"{HOME}/deliveries/{delivery.id}"
    except Problem as problem:
        return again(problem, show_webhook, webhook_id)
    return done("A ping is on its way.", path)


@bp.post("/webhooks/<webhook_id>/rotate-secret")
def rotate_webhook_secret(webhook_id: str) -> Response:
    """Give the webhook a new secret; the page shows it this once."""
    with transaction() as session:
        endpoint = service.lock_endpoint(session, operator().community_id, webhook_id)
        secret = service.rotate_secret(session, endpoint)
        audit.record(session, actor(), "webhook.secret_rotated", webhook_id)
    return show_webhook(
        webhook_id, secret=secret, told="The webhook has a new secret; the old one signs on for 24 hours"
    )


@bp.post("/webhooks/<webhook_id>/delete")
def delete_webhook(webhook_id: str) -> Response:
    """Remove a webhook, once its name was typed."""
    try:
        with transaction() as session:
            endpoint = service.lock_endpoint(session, operator().community_id, webhook_id)
            confirmed(request.form, endpoint.name)
            service.delete_endpoint(session, endpoint)
            audit.record(session, actor(), "webhook.deleted", webhook_id)
    except Problem as problem:
        return again(problem, show_webhook, webhook_id)
    return done("The webhook is deleted.", PATH)


def _count_another_url(webhook_id: str) -> None:
    """Raises TooManyRequests where the form leads too many webhooks elsewhere."""
    with reading() as session:
        present = service.get_endpoint(session, operator().community_id, webhook_id).url
    if _sent()["url"] != present:
        throttle.count(operator().community_id, "register")


def _change(
    webhook_id: str,
    change: Callable[[Session, WebhookEndpoint], str],
    before: Callable[[str], None] = lambda _webhook_id: None,
) -> Response:
    try:
        before(webhook_id)
        with transaction() as session:
            message = change(session, service.lock_endpoint(session, operator().community_id, webhook_id))
    except Problem as problem:
        chosen = request.form.getlist("events")
        return again(problem, show_webhook, webhook_id, values=request.form, chosen=chosen)
    return done(message, f"{PATH}/{webhook_id}")


def _dialect(given: Any) -> str:
    dialect: str = given.get("dialect", "memberstack")
    return dialect if dialect in DIALECTS else "memberstack"


def _sent() -> dict[str, Any]:
    """The form as the Admin API would be sent it. Raises Invalid for headers that are none."""
    form = request.form
    every = form.get("subscribe", "all") == "all"
    rate = form.get("rate_limit", "").strip()
    plan_event = form.get("plan_event", catalogue.PLAN_CREATED)
    chosen = [plan_event if name == catalogue.PLAN_CREATED else name for name in form.getlist("events")]
    return {
        "name": form.get("name", "").strip(),
        "url": form.get("url", "").strip(),
        "events": [] if every else chosen,
        "headers": _headers(lines_of(form, "headers")),
        "rateLimit": (int(rate) if rate.isascii() and rate.isdigit() else rate) if rate else None,
        "v1a": form.get("v1a") == "1",
        "planEvent": plan_event,
    }


def _headers(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            details = [
                {"field": "headers", "message": "Write each header as Name: value, on a line of its own."}
            ]
            raise Invalid("invalid", "Please check what you entered.", details=details)
        found[name.strip()] = value.strip()
    return found


def _names(session: Session, dialect: str) -> list[str]:
    names = sorted(catalogue.names_in(dialect))
    if dialect == catalogue.STANDARD:
        mine = CustomEventType.community_id == operator().community_id
        names += session.scalars(select(CustomEventType.name).where(mine).order_by(CustomEventType.name))
    return names


def _form(dialect: str, **context: Any) -> Response:
    with reading() as session:
        names = _names(session, dialect)
    frame: dict[str, Any] = {"values": {}, "chosen": []}
    return page("webhook_new", dialect=dialect, dialects=DIALECTS, names=names, **frame | context)


def show_webhook(webhook_id: str, **context: Any) -> Response:
    """The page of a webhook; `context` goes before what the page says by itself."""
    range_ = chosen_range("24h")
    with reading() as session:
        found = service.get_endpoint(session, operator().community_id, webhook_id)
        frame: dict[str, Any] = {
            "values": _shown(found),
            "chosen": [catalogue.PLAN_CREATED if name == found.plan_event else name for name in found.events],
            "secret": None,
            "names": _names(session, found.dialect),
            "recent": _recent(session, found),
            "replays": _replays(session, found),
            "replay_values": {"since": clock.iso(found.failing_since or clock.now() - clock.DAY)[:16]},
            "types": _names(session, found.voice),
            "statuses": STATUSES,
            "traffic": trends.traffic(session, found.community_id, range_, clock.now(), found.id),
            "range": range_,
            "ranges": RANGES,
        }
    return page("webhook", webhook=found, dialect=found.dialect, **frame | context)


def _shown(found: WebhookEndpoint) -> dict[str, Any]:
    """The form as the webhook stands."""
    return {
        "name": found.name,
        "url": found.url,
        "headers": "\n".join(f"{name}: {value}" for name, value in found.headers.items()),
        "rate_limit": found.rate_limit or "",
        "subscribe": "some" if found.events else "all",
        "v1a": "1" if found.v1a else "",
        "plan_event": found.plan_event,
    }


def _recent(session: Session, found: WebhookEndpoint) -> list[Delivery]:
    latest = select(Delivery).where(Delivery.endpoint_id == found.id).order_by(Delivery.seq.desc())
    name = joinedload(Delivery.message, innerjoin=True).load_only(EventBody.name)
    return list(session.scalars(latest.options(name).limit(RECENT)))


def _replays(session: Session, found: WebhookEndpoint) -> list[dict[str, Any]]:
    latest = select(Replay).where(Replay.endpoint_id == found.id).order_by(Replay.seq.desc())
    rows = session.scalars(latest.limit(RECENT_REPLAYS)).all()
    return [replay_json(row, replays.open_deliveries(session, row)) for row in rows]


def _policy() -> OutboundPolicy:
    return OutboundPolicy.of(current_app.extensions["msidp_settings"])
