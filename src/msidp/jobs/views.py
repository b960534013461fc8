"""Jobs as the Admin API shows them."""

from typing import Any

from msidp import clock
from msidp.jobs import service
from msidp.jobs.models import Job


def job_json(job: Job) -> dict[str, Any]:
    """A job and how far it got."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": service.progress(job),
        "examined": job.examined,
        "changed": job.changed,
        "unchanged": job.unchanged,
        "failed": job.failed,
        "problems": job.problems,
        "createdAt": clock.iso(job.created_at),
        "finishedAt": clock.iso_or_none(job.finished_at),
    }
