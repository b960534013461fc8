"""Jobs that retry many deliveries: those that are named, or all failed ones that a filter finds."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import queue, walk
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.db import after_commit
from msidp.errors import NotFound
from msidp.jobs import service as jobs
from msidp.jobs.models import Job
from msidp.webhooks import log, retry
from msidp.webhooks.models import Delivery

SLICE = 50  # deliveries in one transaction
RETRIABLE = ("failed", "exhausted")
KIND = "deliveries.retry"
FILTER = {
    "webhook": "endpoint_id",
    "status": "status",
    "type": "type",
    "since": "since",
    "until": "until",
    "event": "event_id",
    "member": "member_id",
}


def ask(session: Session, actor: Actor, *, ids: list[str] | None = None, **filter_: Any) -> Job:
    """Ask for one more attempt of these deliveries, or of all that are there now and fit the filter.

    The filter is what FILTER names, in the words of the Admin API.
    """
    named: dict[str, Any] = {"ids": ids} if ids is not None else {}
    arguments = named or {name: value for name, value in filter_.items() if value is not None}
    until = len(ids) if ids is not None else walk.last(session, Delivery)
    job = jobs.create(session, actor, KIND, arguments, until)
    told = {"named": len(ids)} if ids is not None else arguments
    audit.record(session, actor, "job.created", job.id, {"kind": KIND, **told})
    return job


def do(session: Session, job: Job) -> int:
    """One slice."""
    found, cursor = _next(session, job)

    def bound(delivery_id: str) -> Callable[[], bool]:
        return lambda: _retry(session, job, delivery_id)

    jobs.each(session, job, [(delivery_id, bound(delivery_id)) for delivery_id in found])
    after_commit(session, "webhooks", queue.ring)
    return cursor


def _next(session: Session, job: Job) -> tuple[list[str], int]:
    asked = job.arguments
    if "ids" in asked:
        end = min(job.cursor + SLICE, job.until)
        return asked["ids"][job.cursor : end], end
    sought = log.Wanted(**{field: asked[name] for name, field in FILTER.items() if name in asked})
    wanted = log.conditions(session, job.community_id, sought)
    wanted.append(Delivery.status.in_(RETRIABLE))
    rows, cursor = walk.step(session, Delivery, wanted, after=job.cursor, until=job.until, limit=SLICE)
    return [row.id for row in rows], cursor


def _retry(session: Session, job: Job, delivery_id: str) -> bool:
    mine = select(Delivery).where(Delivery.community_id == job.community_id, Delivery.id == delivery_id)
    delivery = session.scalar(mine)
    if delivery is None:
        raise NotFound("delivery-not-found", "There is no such delivery.")
    retry.request_manual(session, delivery)
    audit.record(session, jobs.actor_of(job), "delivery.retried", delivery_id, {"jobId": job.id})
    return True
