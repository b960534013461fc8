"""Jobs: many changes at once, watched while they are made."""

from collections.abc import Mapping
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp import clock
from msidp.audit import service as audit
from msidp.bulk import deliveries as bulk_deliveries
from msidp.bulk import importing, schemas
from msidp.bulk import members as bulk_members
from msidp.dashboard import deliveries, members
from msidp.dashboard.frame import HOME, actor, bp, done, needs, operator, page
from msidp.dashboard.input import checked
from msidp.dashboard.listing import listing
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.jobs import service
from msidp.jobs.models import Job
from msidp.plans.models import Plan
from msidp.plans.service import active_plans

PATH = f"{HOME}/jobs"
ACTIONS = {
    "logOut": "Log out everywhere",
    "addPlan": "Put on a plan",
    "removePlan": "Take off a plan",
    "delete": "Delete",
}


@bp.get("/jobs")
def jobs() -> Response:
    """The latest jobs."""
    with reading() as session:
        found = listing(session, Job, [Job.community_id == operator().community_id])
    return page("jobs", found=found, name_of=name_of, progress=service.progress)


@bp.get("/jobs/<job_id>")
def job(job_id: str) -> Response:
    """One job; the page follows it."""
    return job_page(job_id)


@bp.post("/jobs/<job_id>/cancel")
def cancel_job(job_id: str) -> Response:
    """Change nothing more."""
    with transaction() as session:
        found = service.get(session, operator().community_id, job_id, lock=True)
        if found.state == "running":
            service.cancel(session, found)
            audit.record(session, actor(), "job.canceled", job_id)
    return done("The job is over. What it had done stays done.", f"{PATH}/{job_id}")


@bp.get("/members/bulk")
@needs("admin")
def choose_bulk() -> Response:
    """What to do with the members that were chosen (`id`), or with all that a search finds (`q`)."""
    if request.args.get("chosen") and not request.args.getlist("id"):
        return done("Choose some members first.", members.PATH)
    return _choice(request.args)


@bp.post("/members/bulk")
def begin_bulk() -> Response:
    """Begin a job on these members. To delete them, their number (or `all`) is typed."""
    form = request.form
    ids = form.getlist("id")
    try:
        sent: dict[str, Any] = {"action": form.get("action", "")}
        sent |= {"ids": ids} if ids else {"search": members.asked_for(form)}
        if form.get("plan_id") and sent["action"] in ("addPlan", "removePlan"):
            sent["planId"] = form["plan_id"]
        body = checked(schemas.BulkMembers, sent)
        if body.action == "delete" and form.get("confirm", "").strip() != _word(ids):
            raise _unconfirmed(_word(ids))
        with transaction() as session:
            begun = bulk_members.ask(session, actor(), **body.model_dump())
    except Problem as problem:
        return _choice(form, problem=problem, values=form)
    return done("The job has begun.", f"{PATH}/{begun.id}")


@bp.post("/deliveries/retry")
def retry_deliveries() -> Response:
    """Retry the deliveries that were chosen (`id`), or all failed ones that fit the filter of the log."""
    ids = request.form.getlist("id")
    if request.form.get("chosen") and not ids:
        return done("Choose some deliveries first.", deliveries.PATH)
    with transaction() as session:
        sent = {"ids": ids} if ids else _filter(session)
        body = checked(schemas.BulkRetry, sent)
        begun = bulk_deliveries.ask(session, actor(), **body.model_dump())
    return done("The job has begun.", f"{PATH}/{begun.id}")


def _filter(session: Session) -> dict[str, Any]:
    """What the form says of which deliveries are meant, as the Admin API says it."""
    sought = dict(deliveries.asked_for(session, request.form).sought)
    for name in {"since", "until"} & sought.keys():
        sought[name] = clock.iso(sought[name])
    if delivery_id := sought.pop("delivery", None):
        return {"ids": [delivery_id]}
    return sought


def job_page(job_id: str, problem: Problem | None = None) -> Response:
    """The page of a job."""
    with reading() as session:
        found = service.get(session, operator().community_id, job_id)
        kept = bool(found.arguments.get("trial")) and importing.is_kept(session, job_id)
    frame: dict[str, Any] = {"name": name_of(found), "progress": service.progress(found), "kept": kept}
    return page("job", job=found, problem=problem, **frame)


def name_of(job_: Job) -> str:
    """What a job does, for a person."""
    asked = job_.arguments
    if job_.kind == bulk_members.KIND:
        return f"{ACTIONS[asked['action']]}: {_whom(asked)}"
    if job_.kind == bulk_deliveries.KIND:
        chosen = len(asked.get("ids", ()))
        return (
            f"Retry {chosen} {'delivery' if chosen == 1 else 'deliveries'}"
            if chosen
            else "Retry failed deliveries"
        )
    return "Try an import" if asked.get("trial") else "Import members"


def _whom(asked: Mapping[str, Any]) -> str:
    if "ids" in asked:
        return f"{len(asked['ids'])} member{'s' if len(asked['ids']) != 1 else ''}"
    return f"members found by “{asked['search']}”" if asked["search"] else "all members"


def _choice(given: Any, **context: Any) -> Response:
    ids, query = given.getlist("id"), members.asked_for(given)
    with reading() as session:
        plans = _plans(session)
    whom = _whom({"ids": ids} if ids else {"search": query})
    frame: dict[str, Any] = {"values": {}, "plans": plans, "actions": ACTIONS}
    return page("members_bulk", ids=ids, query=query, whom=whom, word=_word(ids), **frame | context)


def _plans(session: Session) -> list[Plan]:
    return active_plans(session, operator().community_id)


def _word(ids: list[str]) -> str:
    """What is typed to confirm: how many go."""
    return str(len(ids)) if ids else "all"


def _unconfirmed(word: str) -> Invalid:
    message = f"Type “{word}” to confirm."
    return Invalid("not-confirmed", message, details=[{"field": "confirm", "message": message}])
