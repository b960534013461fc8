"""Deliveries: what was sent where, what came back; retry by hand."""

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.bulk.deliveries import FILTER
from msidp.dashboard.frame import HOME, actor, again, bp, done, operator, page
from msidp.dashboard.listing import listing
from msidp.dashboard.seeking import sought_by
from msidp.dashboard.webhooks import STATUSES
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.webhooks import catalogue, log, service
from msidp.webhooks.catalogue import LOGOUT
from msidp.webhooks.models import CustomEventType, Delivery, Event, EventBody, WebhookEndpoint
from msidp.webhooks.views import delivery_with_attempts_json

PATH = f"{HOME}/deliveries"


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the log is asked for; `keep` are the parameters that make sense, to ask for it again."""

    keep: Mapping[str, str]
    sought: Mapping[str, Any]  # the same, in the words of the Admin API
    webhooks: Sequence[WebhookEndpoint]
    types: Sequence[str]

    def conditions(self, session: Session) -> list[ColumnElement[bool]]:
        """The deliveries that fit."""
        fields = {FILTER.get(name, "delivery_id"): value for name, value in self.sought.items()}
        return log.conditions(session, operator().community_id, log.Wanted(**fields))


@bp.get("/deliveries")
def deliveries() -> Response:
    """The log, newest first; `webhook`, `status`, `type`, `from`, `until` and `q` narrow it."""
    name = joinedload(Delivery.message, innerjoin=True).load_only(EventBody.name)
    with reading() as session:
        asked = asked_for(session, request.args)
        found = listing(session, Delivery, asked.conditions(session), [name])
    return page(
        "deliveries",
        found=found,
        keep=asked.keep,
        names={webhook.id: webhook.name for webhook in asked.webhooks},
        choices=[(webhook.id, webhook.name) for webhook in asked.webhooks if not webhook.deleted_at],
        statuses=STATUSES,
        types=asked.types,
        live=not request.args.get("after") and not request.args.get("before"),
    )


def asked_for(session: Session, given: Mapping[str, str]) -> Filter:
    """The filter that these parameters describe; what makes no sense is left out."""
    mine = WebhookEndpoint.community_id == operator().community_id
    webhooks = session.scalars(select(WebhookEndpoint).where(mine).order_by(WebhookEndpoint.seq)).all()
    types = _types(session)
    known: dict[str, Collection[str]] = {"status": STATUSES, "type": types}
    known["webhook"] = {webhook.id for webhook in webhooks}
    keep = {name: given[name] for name in known if given.get(name) in known[name]}
    found = sought_by(session, given)
    return Filter(keep | found.keep, keep | found.sought, webhooks, types)


@bp.get("/deliveries/<delivery_id>")
def delivery(delivery_id: str) -> Response:
    return _page(delivery_id)


@bp.post("/deliveries/<delivery_id>/retry")
def retry_delivery(delivery_id: str) -> Response:
    """Attempt the delivery once more, now."""
    try:
        with transaction() as session:
            service.retry_delivery(session, operator().community_id, delivery_id)
            audit.record(session, actor(), "delivery.retried", delivery_id)
    except Problem as problem:
        return again(problem, _page, delivery_id)
    return done("One more attempt is on its way.", f"{PATH}/{delivery_id}")


def _page(delivery_id: str, **context: Any) -> Response:
    with reading() as session:
        row = service.get_delivery(session, operator().community_id, delivery_id)
        found = delivery_with_attempts_json(row)
        endpoint = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == row.endpoint_id)).one()
        body = row.message.body.decode()
        about = session.scalar(select(Event.member_id).where(Event.id == row.event_id))
    return page(
        "delivery",
        delivery=found,
        about=about,
        webhook=endpoint,
        has_page=endpoint.deleted_at is None and endpoint.dialect != LOGOUT,
        body=_pretty(body),
        curls=[_curl(endpoint.url, attempt["request"]["headers"], body) for attempt in found["attempts"]],
        can_retry=found["status"] in ("failed", "exhausted") and endpoint.enabled,
        open=found["status"] in ("pending", "failed"),
        **context,
    )


def _types(session: Session) -> list[str]:
    """What a delivery may be of, in the words of any dialect."""
    own = select(CustomEventType.name).where(CustomEventType.community_id == operator().community_id)
    names = {*catalogue.TYPES, catalogue.PLAN_ADDED, *session.scalars(own)}
    return [*sorted(names), catalogue.PING, LOGOUT]


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _curl(url: str, headers: dict[str, str], body: str) -> str:
    """The same request for a shell; custom headers whose values are not shown stay out."""
    parts = ["curl", shlex.quote(url)]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    return " \\\n  ".join([*parts, f"--data-binary {shlex.quote(body)}"])
