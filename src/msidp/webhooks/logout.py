"""Logout tokens ride on the delivery engine: recorded with the session's end, retried, logged.

Each application that was ever told has an endpoint of a hidden kind, under the application's own id. Nobody
subscribes it, no secret signs for it, and it is in no list of webhooks; its deliveries are like all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from msidp import canonical, clock, ids, queue
from msidp.db import after_commit
from msidp.statements import insert_new
from msidp.webhooks import disabling, schedule, secrets
from msidp.webhooks.catalogue import LOGOUT
from msidp.webhooks.models import Delivery, Event, EventBody, WebhookEndpoint

NOT_WANTED = "The application takes no logout tokens any more."


@dataclass(frozen=True, slots=True)
class Notice:
    """What one application is told of one session, where, and by which algorithm it is signed.

    `url` was checked by `outbound.urls.check_url` when it was saved.
    """

    application_id: str
    name: str
    url: str
    sid: str
    subject: str
    client_id: str
    algorithm: str

    def as_json(self) -> dict[str, object]:
        """What `dialects.logout` makes a token of."""
        claims = {"aud": self.client_id, "sid": self.sid, "sub": self.subject}
        return {"algorithm": self.algorithm, "claims": claims}


def follow(session: Session, application_id: str, url: str | None) -> None:
    """Send the application's logout tokens to this URL from now on, those under way too; None for nowhere."""
    endpoint = session.scalar(
        select(WebhookEndpoint).where(WebhookEndpoint.id == application_id).with_for_update()
    )
    if endpoint is None or (url == endpoint.url and endpoint.enabled):
        return
    endpoint.updated_at = clock.now()
    endpoint.enabled, endpoint.disabled_reason, endpoint.failing_since = url is not None, None, None
    if url is not None:
        endpoint.url = url
    session.flush()
    if url is None:
        disabling.cancel_open(session, application_id, NOT_WANTED)


def record(session: Session, community_id: str, member_id: str, notices: Sequence[Notice]) -> None:
    """Record that these applications are to be told, once the session has committed."""
    enabled = _enabled(session, community_id, {notice.application_id: notice for notice in notices})
    due = [notice for notice in notices if notice.application_id in enabled]
    if not due:
        return
    now = clock.now()
    due_at = schedule.first_due(now)
    events, bodies, deliveries = [], [], []
    for notice in due:
        event = {"id": ids.new_id("evt"), "community_id": community_id, "created_at": now}
        told = notice.as_json()
        events.append(event | {"type": LOGOUT, "occurred_at": now, "member_id": member_id, "data": told})
        message = {"event_id": event["id"], "dialect": LOGOUT}
        bodies.append(message | {"name": LOGOUT, "body": canonical.dumps(told).encode()})
        delivery = {"id": ids.new_guid(), "endpoint_id": notice.application_id, "origin": "event"}
        owned = {"community_id": community_id, "due_at": due_at, "created_at": now}
        deliveries.append(message | delivery | owned)
    connection = session.connection()
    connection.execute(insert(Event), events)
    connection.execute(insert(EventBody), bodies)
    connection.execute(insert(Delivery), deliveries)
    after_commit(session, "webhooks", queue.ring)


def _enabled(session: Session, community_id: str, wanted: Mapping[str, Notice]) -> set[str]:
    """The applications whose endpoints take deliveries, made where there are none yet, and held."""
    statement = (
        select(WebhookEndpoint.id, WebhookEndpoint.enabled)
        .where(WebhookEndpoint.id.in_(wanted))
        .order_by(WebhookEndpoint.seq)
        .with_for_update(read=True, key_share=True)
    )
    rows = session.execute(statement).all()
    missing = sorted(wanted.keys() - {row.id for row in rows})
    if missing:
        for application_id in missing:
            _make_endpoint(session, community_id, wanted[application_id])
        rows = session.execute(statement).all()
    return {row.id for row in rows if row.enabled}


def _make_endpoint(session: Session, community_id: str, notice: Notice) -> None:
    """Two transactions may want the same one: the second waits for the first, and makes none."""
    now = clock.now()
    values = {
        "id": notice.application_id,
        "community_id": community_id,
        "name": f"{notice.name}: back-channel logout",
        "url": notice.url,
        "dialect": LOGOUT,
        "events": [],
        "headers": "",
        "enabled": True,
        "secret": secrets.seal(notice.application_id, ids.new_webhook_secret()),  # every endpoint has one
        "created_at": now,
        "updated_at": now,
    }
    insert_new(session, WebhookEndpoint, values, unique=("id",))
