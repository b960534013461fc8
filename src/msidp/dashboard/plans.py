"""Plans: who can be on what, at which price."""

from typing import Any, cast

from flask import request
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.dashboard import prices
from msidp.dashboard.frame import HOME, actor, again, bp, done, isolated, needs, operator, page
from msidp.dashboard.input import checked, confirmed
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.members.models import PlanConnection
from msidp.plans import schemas, service
from msidp.plans.models import Plan
from msidp.plans.views import plan_json

PATH = f"{HOME}/plans"
COUNTED = 10_000  # members of a plan; more are not counted one by one


@bp.get("/plans")
def plans() -> Response:
    """The plans, and how many members are on each."""
    with reading() as session:
        community_id = operator().community_id
        found = list(
            session.scalars(
                select(Plan)
                .where(Plan.community_id == community_id)
                .options(selectinload(Plan.prices))
                .order_by(Plan.status, Plan.seq)
            )
        )
        members = _members(session, community_id)
    return page("plans", plans=[(plan_json(plan), members.get(plan.id, "0")) for plan in found])


def _members(session: Session, community_id: str) -> dict[str, str]:
    """How many members are on each plan; beyond 10,000 only that there are more."""
    some = (
        select(PlanConnection.seq)
        .where(PlanConnection.plan_id == Plan.id, PlanConnection.status != "CANCELED")
        .limit(COUNTED + 1)
        .correlate(Plan)
        .subquery()
    )
    counted = select(func.count()).select_from(some).scalar_subquery()
    rows = session.execute(select(Plan.id, counted).where(Plan.community_id == community_id)).all()
    return {id_: f"{COUNTED:,}+" if count > COUNTED else f"{count:,}" for id_, count in rows}


@bp.get("/plans/new")
@needs("admin")
def new_plan() -> Response:
    return page("plan", plan=None, values={}, prices=prices.rows([]), intervals=prices.INTERVALS)


@bp.post("/plans")
def create_plan() -> Response:
    """Make a plan."""
    try:
        body = checked(schemas.PlanInput, _sent())
        with transaction() as session:
            plan = service.create_plan(session, operator().community_id, **body.model_dump())
            audit.record(session, actor(), "plan.created", plan.id)
    except Problem as problem:
        typed = prices.typed(request.form)
        form = request.form
        return page("plan", problem=problem, plan=None, values=form, prices=typed, intervals=prices.INTERVALS)
    return done(f"{isolated(plan.name)} is a plan now.", PATH)


@bp.get("/plans/<plan_id>")
def plan(plan_id: str) -> Response:
    return _page(plan_id)


@bp.post("/plans/<plan_id>")
def change_plan_terms(plan_id: str) -> Response:
    """Change name, description and prices; archive or bring back."""
    try:
        body = checked(schemas.PlanChanges, {**_sent(), "status": request.form.get("status", "ACTIVE")})
        changes = cast("service.PlanChanges", body.model_dump(exclude_unset=True))
        with transaction() as session:
            service.update_plan(session, operator().community_id, plan_id, changes)
            audit.record(session, actor(), "plan.updated", plan_id, {"fields": sorted(changes)})
    except Problem as problem:
        return again(problem, _page, plan_id, values=request.form)
    return done("Saved.", f"{PATH}/{plan_id}")


@bp.post("/plans/<plan_id>/delete")
def delete_plan(plan_id: str) -> Response:
    """Delete a plan nobody is on, once its name was typed."""
    try:
        with transaction() as session:
            confirmed(request.form, service.get_plan(session, operator().community_id, plan_id).name)
            service.delete_plan(session, operator().community_id, plan_id)
            audit.record(session, actor(), "plan.deleted", plan_id)
    except Problem as problem:
        return again(problem, _page, plan_id)
    return done("The plan is deleted.", PATH)


def _sent() -> dict[str, Any]:
    form = request.form
    return {
        "name": form.get("name", "").strip(),
        "description": form.get("description", "").strip() or None,
        "prices": prices.sent(form),
    }


def _page(plan_id: str, problem: Problem | None = None, values: Any = None) -> Response:
    with reading() as session:
        found = plan_json(service.get_plan(session, operator().community_id, plan_id))
    shown = {
        "name": found["name"],
        "description": found["description"] or "",
        "status": found["status"],
    }
    rows = prices.rows(found["prices"]) if values is None else prices.typed(values)
    values = shown if values is None else values
    return page("plan", problem=problem, plan=found, values=values, prices=rows, intervals=prices.INTERVALS)
