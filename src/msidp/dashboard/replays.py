"""Replays: ask for one on the page of its webhook, and end it there."""

from flask import request
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.dashboard.frame import actor, again, bp, done, operator
from msidp.dashboard.input import checked
from msidp.dashboard.webhooks import PATH, show_webhook
from msidp.db import transaction
from msidp.errors import Problem
from msidp.webhooks import replays, schemas, service


@bp.post("/webhooks/<webhook_id>/replay")
def replay_events(webhook_id: str) -> Response:
    """Deliver the events of a span of time once more; the page tells how far it got."""
    try:
        with transaction() as session:
            endpoint = service.lock_endpoint(session, operator().community_id, webhook_id)
            body = checked(schemas.ReplayInput, _sent())
            replay = replays.create(session, endpoint, **body.model_dump())
            audit.record(session, actor(), "webhook.replayed", webhook_id, {"replayId": replay.id})
    except Problem as problem:
        return again(problem, show_webhook, webhook_id, replay_values=request.form)
    return done("The replay has begun.", f"{PATH}/{webhook_id}#replays")


@bp.post("/replays/<replay_id>/cancel")
def cancel_replay(replay_id: str) -> Response:
    """Make no more deliveries, and cancel those of this replay that are open."""
    with transaction() as session:
        replay = replays.get(session, operator().community_id, replay_id, lock=True)
        webhook_id = replay.endpoint_id
        if replay.state == "running" or replays.open_deliveries(session, replay):
            replays.cancel(session, replay)
            audit.record(session, actor(), "replay.canceled", replay_id)
    return done("The replay is over.", f"{PATH}/{webhook_id}#replays")


def _sent() -> dict[str, str]:
    """The form as the Admin API would be sent it. Moments are typed in UTC, without saying so."""
    sent = {name: value for name in ("status", "type") if (value := request.form.get(name, "").strip())}
    for name in ("since", "until"):
        if value := request.form.get(name, "").strip():
            sent[name] = f"{value}Z"
    return sent
