"""Jobs over the Admin API: begun, followed, canceled."""

from typing import Any

from msidp.api import Data, Page, PageQuery, answers, api, page_json, paginate
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.bulk import deliveries, importing, members, schemas
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.jobs import service
from msidp.jobs.models import Job
from msidp.jobs.views import job_json

bp = AdminBlueprint("jobs", __name__)
TAGS = ["jobs"]


@bp.post("/members/bulk")
@api.validate(resp=answers(Data[schemas.Job], 404), tags=TAGS)
def change_members(json: schemas.BulkMembers) -> dict[str, Any]:
    """Change many members: log them out, put them on a free plan, take them off it, delete them.

    It is done in the background, and `GET /jobs/{id}` tells how far it got. Each change is an event like any
    other.
    """
    with transaction() as session:
        return {"data": job_json(members.ask(session, key_holder(), **json.model_dump()))}


@bp.post("/members/import")
@api.validate(resp=answers(Data[schemas.Job]), tags=TAGS)
def upload_members(json: schemas.ImportFile) -> dict[str, Any]:
    """Try a file of members: a job that makes nobody, and tells what would become of each record.

    422 `unusable-file` where it cannot be read.
    """
    options = json.hash_parameters or {}
    with transaction() as session:
        trial = importing.ask(session, key_holder(), json.source, json.content.encode(), options)
        return {"data": job_json(trial)}


@bp.post("/jobs/<job_id>/import")
@api.validate(resp=answers(Data[schemas.Job], 404, 409), tags=TAGS)
def import_members(job_id: str) -> dict[str, Any]:
    """Import what a job has tried. 409 `not-tried`, `already-imported`, `file-gone`."""
    with transaction() as session:
        trial = service.get(session, caller().community_id, job_id, lock=True)
        return {"data": job_json(importing.go_ahead(session, key_holder(), trial))}


@bp.post("/deliveries/retry")
@api.validate(resp=answers(Data[schemas.Job]), tags=TAGS)
def retry_deliveries(json: schemas.BulkRetry) -> dict[str, Any]:
    """Attempt many failed or exhausted deliveries once more, in the background."""
    with transaction() as session:
        return {"data": job_json(deliveries.ask(session, key_holder(), **json.model_dump()))}


@bp.get("/jobs")
@api.validate(resp=answers(Page[schemas.Job]), tags=TAGS)
def list_jobs(query: PageQuery) -> dict[str, Any]:
    """List the jobs of the last 30 days, oldest first unless `order` says otherwise."""
    with reading() as session:
        mine = Job.community_id == caller().community_id
        return page_json(*paginate(session, Job, [mine], query), job_json)


@bp.get("/jobs/<job_id>")
@api.validate(resp=answers(Data[schemas.Job], 404), tags=TAGS)
def retrieve_job(job_id: str) -> dict[str, Any]:
    """Retrieve a job: how far it got, what could not be done."""
    with reading() as session:
        return {"data": job_json(service.get(session, caller().community_id, job_id))}


@bp.post("/jobs/<job_id>/cancel")
@api.validate(resp=answers(Data[schemas.Job], 404, 409), tags=TAGS)
def cancel_job(job_id: str) -> dict[str, Any]:
    """Change nothing more; what is done stays done. 409 `job-finished`."""
    with transaction() as session:
        job = service.get(session, caller().community_id, job_id, lock=True)
        service.cancel(session, job)
        audit.record(session, key_holder(), "job.canceled", job_id)
        return {"data": job_json(job)}
