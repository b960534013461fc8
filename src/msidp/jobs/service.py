"""Jobs: asked for, looked at, canceled; and the work on them, a slice at a time."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session

from msidp import clock, ids, queue
from msidp.audit.service import Actor
from msidp.db import after_commit
from msidp.errors import Conflict, NotFound, Problem
from msidp.jobs.models import Job, JobPart
from msidp.jobs.slices import Work
from msidp.outages import is_away
from msidp.statements import delete_some

TRIES = 3  # of a change, before an error of the database counts as its own
MOST_TRIED = 1_000
PROBLEMS = 100  # kept of a job; the others are counted
KEPT = 30 * clock.DAY  # after a job is over
UPLOAD_KEPT = clock.DAY
BROKEN = "Something went wrong on our side; the log tells more."

Slice = Callable[[Session, Job], int]
"""Does some of a job's work, and returns the cursor after it."""

_slices: dict[str, Slice] = {}
_tried: dict[tuple[str, str], int] = {}  # changes that the database refused in this process, how often
log = structlog.get_logger(__name__)


def register(kind: str, slice_: Slice) -> None:
    """Say how jobs of this kind are done."""
    _slices[kind] = slice_


def create(session: Session, actor: Actor, kind: str, arguments: Mapping[str, Any], until: int) -> Job:
    """Ask for a job. Its cursor goes from 0 to `until`."""
    job = Job(
        id=ids.new_id("job"),
        community_id=actor.community_id,
        kind=kind,
        arguments=dict(arguments),
        actor_type=actor.type,
        actor_id=actor.id,
        address=actor.address,
        until=until,
        problems=[],
        created_at=clock.now(),
    )
    session.add(job)
    session.flush()
    after_commit(session, "webhooks", queue.ring)
    return job


def get(session: Session, community_id: str, job_id: str, *, lock: bool = False) -> Job:
    """The job with this id. Raises NotFound (`job-not-found`)."""
    statement = select(Job).where(Job.community_id == community_id, Job.id == job_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    job = session.scalar(statement)
    if job is None:
        raise NotFound("job-not-found", f"There is no job {job_id}.")
    return job


def cancel(session: Session, job: Job) -> None:
    """Change nothing more; what is done stays done. Raises Conflict (`job-finished`)."""
    if job.state != "running":
        raise Conflict("job-finished", "The job is over.")
    _finish(session, job, "canceled")


def actor_of(job: Job) -> Actor:
    """In whose name the job's changes are made."""
    return Actor(job.community_id, cast("Any", job.actor_type), job.actor_id, job.address)


def progress(job: Job) -> float:
    """How much of it is done, from 0 to 1."""
    if job.state == "completed" or not job.until:
        return 1.0
    return round(min(1.0, job.cursor / job.until), 3)


def each(session: Session, job: Job, items: Iterable[tuple[str, Callable[[], bool]]]) -> None:
    """Make these changes, named by what they are about, and count them.

    A change says whether there was something to do. One that is refused leaves nothing behind, and a note.
    """
    for subject, change in items:
        job.examined += 1
        try:
            with session.begin_nested():
                changed = change()
        except Problem as problem:
            _note(job, subject, problem.message)
        except (OperationalError, InterfaceError, InternalError) as error:
            if not _is_its_own(job, subject, error):
                raise  # a lost connection or a deadlock: the whole slice is tried again
            log.exception("a change of a job fails each time", job=job.id, subject=subject)
            _note(job, subject, BROKEN)
        except Exception:
            log.exception("a change of a job failed", job=job.id, subject=subject)
            _note(job, subject, BROKEN)
        else:
            job.changed += changed
            job.unchanged += not changed


def purge(session: Session, now: int) -> int:
    """Delete some of the jobs that are long over, and of the files that were uploaded for nothing."""
    deleted = delete_some(session, Job, Job.finished_at < now - KEPT)
    stale = select(Job.id).where(Job.finished_at < now - UPLOAD_KEPT)
    old = select(JobPart.job_id).where(JobPart.job_id.in_(stale)).limit(1)
    parts = session.connection().execute(delete(JobPart).where(JobPart.job_id.in_(old)))
    return deleted + parts.rowcount


def _is_its_own(job: Job, subject: str, error: DBAPIError) -> bool:
    """Whether an error of the database comes with this change, and not with the moment: it came each time."""
    if error.connection_invalidated or (is_away(error) and isinstance(error.orig, sqlite3.Error)):
        return False
    named = (job.id, subject)
    _tried[named] = times = _tried.pop(named, 0) + 1
    while len(_tried) > MOST_TRIED:
        _tried.pop(next(iter(_tried)))
    return times >= TRIES


def _note(job: Job, subject: str, message: str) -> None:
    job.failed += 1
    if len(job.problems) < PROBLEMS:
        job.problems = [*job.problems, {"subject": subject, "message": message}]


def _finish(session: Session, job: Job, state: str) -> None:
    job.state, job.finished_at = state, clock.now()


def _waits(session: Session) -> bool:
    return session.scalar(select(Job.seq).where(Job.state == "running").limit(1)) is not None


def _do(session: Session) -> None:
    """One slice of the job that is furthest behind and in nobody's hands."""
    running = select(Job).where(Job.state == "running").order_by(Job.examined, Job.seq).limit(1)
    job = session.scalar(running.with_for_update(skip_locked=True))
    if job is None:
        return
    job.cursor = _slices[job.kind](session, job)
    if job.cursor >= job.until:
        _finish(session, job, "completed")


WORK = Work("jobs", _waits, _do)
