"""Members of an uploaded file, as a job: first only tried, then made.

The file is read whole before anything is kept, and its records are kept in parts: what cannot be read is told
of at once. A trial writes nothing but its findings; the import proper takes the parts over, which go with it.
"""

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.errors import Conflict, Invalid
from msidp.jobs import service as jobs
from msidp.jobs.models import Job, JobPart
from msidp.members import readers, transfer

KIND = "members.import"
PART = 50  # records, which are one slice
MOST_RECORDS = 200_000
Kept = tuple[int, readers.Record, bool]
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def ask(session: Session, actor: Actor, source: str, content: bytes, options: Mapping[str, Any]) -> Job:
    """Keep the file's records and try them. Raises Invalid, which says what is wrong with the file."""
    parts = list(_parts(list(_repeats(_records(source, _text(content), dict(options))))))
    job = jobs.create(session, actor, KIND, {"source": source, "trial": True}, len(parts))
    session.add_all(
        JobPart(job_id=job.id, number=number, records=json.dumps(part))
        for number, part in enumerate(parts, start=1)
    )
    details = {"kind": KIND, "source": source, "trial": True}
    audit.record(session, actor, "job.created", job.id, details)
    return job


def go_ahead(session: Session, actor: Actor, trial: Job) -> Job:
    """Import what was tried; the trial's row is taken to be locked. Raises Conflict."""
    if trial.kind != KIND or not trial.arguments.get("trial") or trial.state != "completed":
        raise Conflict("not-tried", "Only a file that was tried to its end can be imported.")
    if trial.arguments.get("imported"):
        raise Conflict("already-imported", "This file was imported already.")
    if not is_kept(session, trial.id):
        raise Conflict("file-gone", "The file is no longer kept. Upload it again.")
    job = jobs.create(session, actor, KIND, {"source": trial.arguments["source"]}, trial.until)
    session.execute(update(JobPart).where(JobPart.job_id == trial.id).values(job_id=job.id))
    trial.arguments = {**trial.arguments, "imported": job.id}
    details = {"kind": KIND, "source": trial.arguments["source"], "trial": False}
    audit.record(session, actor, "job.created", job.id, details)
    return job


def is_kept(session: Session, job_id: str) -> bool:
    """Whether the file of this job is still there."""
    return session.scalar(select(JobPart.number).where(JobPart.job_id == job_id).limit(1)) is not None


def do(session: Session, job: Job) -> int:
    """One slice: the records of one part."""
    part = session.scalar(
        select(JobPart.records).where(JobPart.job_id == job.id, JobPart.number == job.cursor + 1)
    )

    def bound(record: readers.Record, repeats: bool) -> Callable[[], bool]:
        return lambda: _one(session, job, record, repeats)

    jobs.each(
        session,
        job,
        [(str(line), bound(record, repeats)) for line, record, repeats in json.loads(part or "[]")],
    )
    if job.cursor + 1 >= job.until and not job.arguments.get("trial"):
        session.execute(delete(JobPart).where(JobPart.job_id == job.id))
    return job.cursor + 1


def _one(session: Session, job: Job, record: readers.Record, repeats: bool) -> bool:
    try:
        if job.arguments.get("trial"):
            return transfer.check(session, job.community_id, record) and not repeats
        return transfer.add(session, job.community_id, record)
    except transfer.Refused as refused:
        raise Invalid("refused", str(refused)) from None


def _text(content: bytes) -> str:
    if content.startswith(_UTF16):
        raise _unusable("it is UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unusable(f"line {line} is not UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise _unusable("it is no text")
    return text


def _records(source: str, text: str, options: dict[str, Any]) -> list[tuple[int, readers.Record]]:
    try:
        found = list(readers.read(source, text, options))
    except (ValueError, RecursionError) as error:
        raise _unusable(str(error)) from None
    if not found:
        raise _unusable("it holds no members")
    if len(found) > MOST_RECORDS:
        raise _unusable(f"it holds more than {MOST_RECORDS:,} members; cut it into several")
    return found


def _repeats(records: list[tuple[int, readers.Record]]) -> Iterator[Kept]:
    """The records, and of each whether one before it has its address: only the first would be new."""
    seen: set[str] = set()
    for line, record in records:
        address = str(record.get("email")).strip().casefold()
        yield line, record, address in seen
        seen.add(address)


def _parts(records: list[Kept]) -> Iterator[list[Kept]]:
    for start in range(0, len(records), PART):
        yield records[start : start + PART]


def _unusable(reason: str) -> Invalid:
    message = f"The file cannot be used: {reason}."
    return Invalid("unusable-file", message, details=[{"field": "file", "message": message}])
