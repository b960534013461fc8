"""Replays: events of a span of time, once more to one endpoint. Asked for, looked at, canceled here.

A replay makes new deliveries of old events: the same `webhook-id` and bytes, a new delivery id. `replaying`
does the work.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from msidp import clock, ids, queue
from msidp.db import after_commit
from msidp.errors import Conflict, Invalid, NotFound
from msidp.webhooks import disabling, service
from msidp.webhooks.models import Delivery, Replay, WebhookEndpoint

CANCELED = "The replay was canceled."


def create(
    session: Session,
    endpoint: WebhookEndpoint,
    *,
    since: int,
    until: int | None = None,
    status: str | None = None,
    type: str | None = None,  # noqa: A002  # the field's name on the wire
) -> Replay:
    """Ask for a replay of what was recorded from `since` to `until` (by default now).

    It speaks and subscribes as the endpoint does now, whose row is taken to be locked.
    `status` keeps to events with a delivery to it in this state, `type` to those that its dialect calls
    so. Raises Invalid (`unknown-event-type`; `until` before `since`) and Conflict (`webhook-disabled`,
    `replay-under-way` while another of this endpoint is running).
    """
    now = clock.now()
    end = now if until is None else min(until, now)
    if since > end:
        raise Invalid("invalid", "since: must lie in the past, and before until.")
    if type is not None:
        service.check_events(session, endpoint.community_id, endpoint.voice, [type], field="type")
    if not endpoint.enabled:
        raise Conflict("webhook-disabled", "The webhook is disabled. Enable it first.")
    running = select(Replay.id).where(Replay.endpoint_id == endpoint.id, Replay.state == "running")
    if session.scalar(running) is not None:
        raise Conflict("replay-under-way", "A replay of this webhook is running. Wait, or cancel it.")
    replay = Replay(
        id=ids.new_id("rpl"),
        community_id=endpoint.community_id,
        endpoint_id=endpoint.id,
        since=since,
        until=end,
        status=status,
        type=type,
        cursor=ids.first_id("evt", since),
        created_at=now,
    )
    session.add(replay)
    session.flush()
    after_commit(session, "webhooks", queue.ring)
    return replay


def get(session: Session, community_id: str, replay_id: str, *, lock: bool = False) -> Replay:
    """The replay with this id. Raises NotFound (`replay-not-found`)."""
    statement = select(Replay).where(Replay.community_id == community_id, Replay.id == replay_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    replay = session.scalar(statement)
    if replay is None:
        raise NotFound("replay-not-found", f"There is no replay {replay_id}.")
    return replay


def cancel(session: Session, replay: Replay) -> None:
    """Make no more deliveries, and cancel those of this replay that are open. Takes its row to be locked.

    Raises Conflict (`replay-finished`) where neither is left.
    """
    disabling.lock_endpoint(session, replay.endpoint_id)
    if replay.state != "running" and not open_deliveries(session, replay):
        raise Conflict("replay-finished", "All of this replay's deliveries are settled.")
    finish(replay, "canceled", CANCELED)
    session.flush()
    disabling.cancel_open(session, replay.endpoint_id, CANCELED, origin=replay.id)


def finish(replay: Replay, state: str, reason: str | None = None) -> None:
    """Note how a replay ended."""
    replay.state, replay.reason = state, reason
    replay.finished_at = replay.finished_at or clock.now()


def open_deliveries(session: Session, replay: Replay) -> int:
    """How many of the deliveries that a replay made are not settled yet."""
    mine = (Delivery.endpoint_id == replay.endpoint_id, Delivery.due_at.is_not(None))
    statement = select(func.count()).select_from(Delivery).where(*mine, Delivery.origin == replay.id)
    return session.scalar(statement) or 0


def progress(replay: Replay) -> float:
    """How much of its span of time was gone through, from 0 to 1."""
    if replay.state == "completed" or replay.until <= replay.since:
        return 1.0
    gone = ids.made_at(replay.cursor) - replay.since
    return round(min(1.0, max(0.0, gone / (replay.until - replay.since))), 3)
