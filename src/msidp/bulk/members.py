"""Jobs that change many members: those that are named, or those that a search finds."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from msidp import walk
from msidp.accounts import sessions
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.errors import Conflict, NotFound
from msidp.jobs import service as jobs
from msidp.jobs.models import Job
from msidp.members import connections, service
from msidp.members.models import Member
from msidp.members.search import matching
from msidp.plans import service as plans

SLICE = 25  # members in one transaction
MOST_NAMED = 1_000

Change = Callable[[Session, Job, str], bool]


def ask(
    session: Session,
    actor: Actor,
    action: str,
    *,
    ids: list[str] | None = None,
    search: str | None = None,
    plan_id: str | None = None,
) -> Job:
    """Ask for a job on the members with these ids, or on all that are there now and that a search finds.

    `action` is one of ACTIONS. Raises NotFound (`plan-not-found`) and Invalid (`plan-not-free`) for a plan
    that nobody can be put on.
    """
    if action == "addPlan":
        connections.require_free(plans.plans_to_join(session, actor.community_id, [plan_id or ""])[0])
    elif action == "removePlan":
        plans.get_plan(session, actor.community_id, plan_id or "")
    arguments: dict[str, Any] = {"action": action}
    if plan_id:
        arguments["planId"] = plan_id
    if ids is not None:
        arguments["ids"], until = ids, len(ids)
    else:
        arguments["search"], until = search or "", walk.last(session, Member)
    job = jobs.create(session, actor, KIND, arguments, until)
    audit.record(session, actor, "job.created", job.id, {"kind": KIND, **_told(arguments)})
    return job


def do(session: Session, job: Job) -> int:
    """One slice."""
    named, cursor = _next(session, job)
    change = ACTIONS[job.arguments["action"]]

    def bound(member_id: str) -> Callable[[], bool]:
        return lambda: change(session, job, member_id)

    jobs.each(session, job, [(member_id, bound(member_id)) for member_id in named])
    return cursor


def _next(session: Session, job: Job) -> tuple[list[str], int]:
    """The ids of the next members, and the cursor after them."""
    if "ids" in job.arguments:
        end = min(job.cursor + SLICE, job.until)
        return job.arguments["ids"][job.cursor : end], end
    wanted: list[ColumnElement[bool]] = [Member.community_id == job.community_id]
    if job.arguments["search"]:
        wanted.append(matching(session, job.arguments["search"]))
    rows, cursor = walk.step(session, Member, wanted, after=job.cursor, until=job.until, limit=SLICE)
    return [row.id for row in rows], cursor


def _log_out(session: Session, job: Job, member_id: str) -> bool:
    service.get_member(session, job.community_id, member_id)
    ended = sessions.end_all(session, member_id)
    _note(session, job, "member.logged_out", member_id, sessions=ended)
    return True


def _add_plan(session: Session, job: Job, member_id: str) -> bool:
    member = service.lock_member(session, job.community_id, member_id)
    try:
        connections.add(session, member, job.arguments["planId"])
    except Conflict:  # they are on it
        return False
    _note(session, job, "member.plan_added", member_id, planId=job.arguments["planId"])
    return True


def _remove_plan(session: Session, job: Job, member_id: str) -> bool:
    member = service.lock_member(session, job.community_id, member_id)
    try:
        connections.remove(session, member, job.arguments["planId"])
    except NotFound:  # they are not on it
        return False
    _note(session, job, "member.plan_removed", member_id, planId=job.arguments["planId"])
    return True


def _delete(session: Session, job: Job, member_id: str) -> bool:
    gone = session.scalar(select(Member.seq).where(Member.id == member_id)) is None
    if gone:  # somebody else was faster
        return False
    service.delete_member(session, job.community_id, member_id)
    _note(session, job, "member.deleted", member_id)
    return True


def _note(session: Session, job: Job, action: str, member_id: str, **details: Any) -> None:
    audit.record(session, jobs.actor_of(job), action, member_id, {"jobId": job.id, **details})


def _told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for the audit log, which holds nothing personal."""
    told = {name: value for name, value in arguments.items() if name in ("action", "planId")}
    return {**told, "named": len(arguments["ids"])} if "ids" in arguments else told


KIND = "members.change"
ACTIONS: dict[str, Change] = {
    "logOut": _log_out,
    "addPlan": _add_plan,
    "removePlan": _remove_plan,
    "delete": _delete,
}
