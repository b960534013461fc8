"""Plans over the Admin API."""

from typing import Any, cast

from sqlalchemy.orm import selectinload

from msidp.api import Data, Deleted, Page, PageQuery, answers, api, given, page_json, paginate
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.plans import models, schemas, service
from msidp.plans.views import plan_json

bp = AdminBlueprint("plans", __name__)


@bp.post("/plans")
@api.validate(resp=answers(Data[schemas.Plan]), tags=["plans"])
def create_plan(json: schemas.PlanInput) -> dict[str, Any]:
    """Create a plan.

    Without prices it is free.
    """
    with transaction() as session:
        plan = service.create_plan(session, caller().community_id, **json.model_dump())
        audit.record(session, key_holder(), "plan.created", plan.id)
        return {"data": plan_json(plan)}


@bp.get("/plans")
@api.validate(resp=answers(Page[schemas.Plan]), tags=["plans"])
def list_plans(query: PageQuery) -> dict[str, Any]:
    """List the plans."""
    with reading() as session:
        mine = models.Plan.community_id == caller().community_id
        rows, frame = paginate(
            session, models.Plan, [mine], query, options=[selectinload(models.Plan.prices)]
        )
        return page_json(rows, frame, plan_json)


@bp.get("/plans/<plan_id>")
@api.validate(resp=answers(Data[schemas.Plan], 404), tags=["plans"])
def retrieve_plan(plan_id: str) -> dict[str, Any]:
    """Retrieve a plan."""
    with reading() as session:
        return {"data": plan_json(service.get_plan(session, caller().community_id, plan_id))}


@bp.patch("/plans/<plan_id>")
@api.validate(resp=answers(Data[schemas.Plan], 404), tags=["plans"])
def update_plan(plan_id: str, json: schemas.PlanChanges) -> dict[str, Any]:
    """Change a plan.

    Only the fields given change. `prices` replaces the list: a price given with its id stays itself, one
    left out is archived, so that who is on it keeps it.
    """
    changes = cast("service.PlanChanges", given(json))
    with transaction() as session:
        plan = service.update_plan(session, caller().community_id, plan_id, changes)
        audit.record(session, key_holder(), "plan.updated", plan.id, {"fields": sorted(changes)})
        return {"data": plan_json(plan)}


@bp.delete("/plans/<plan_id>")
@api.validate(resp=answers(Data[Deleted], 404, 409), tags=["plans"])
def delete_plan(plan_id: str) -> dict[str, Any]:
    """Delete a plan.

    A plan with connections, canceled ones included, stays (409 `plan-in-use`): archive it instead.
    """
    with transaction() as session:
        service.delete_plan(session, caller().community_id, plan_id)
        audit.record(session, key_holder(), "plan.deleted", plan_id)
    return {"data": {"id": plan_id}}
