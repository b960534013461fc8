"""/app, /app-member, and what the package tells of visits; what of its calls msidp has no answer to."""

from typing import Any, NoReturn

from flask import current_app, request

from msidp.api import Data, answers, api
from msidp.branding import service as branding
from msidp.db import reading
from msidp.errors import BadRequest, NotFound
from msidp.memberstack import schemas
from msidp.memberstack.guard import AS_MEMBER, PUBLIC, TAGS, ClientBlueprint, require_login, site
from msidp.memberstack.member_routes import found
from msidp.memberstack.views import app_json, visited_json
from msidp.plans import schemas as plan_schemas
from msidp.plans import service as plans
from msidp.plans.views import plan_json
from msidp.settings import Settings

bp = ClientBlueprint("client_app", __name__)
_NOT_SERVED = (  # of the package's calls
    "/auth-provider/<path:_rest>",
    "/comments/<path:_rest>",
    "/member/disconnect-provider",
    "/member/team/<path:_rest>",
    "/secure-content",
    "/v1/data-records",
    "/v1/data-records/<path:_rest>",
    "/v1/data-tables",
    "/v1/data-tables/<path:_rest>",
)


@bp.get("/app")
@api.validate(resp=answers(Data[schemas.App]), tags=TAGS, security=PUBLIC)
def show_app() -> dict[str, Any]:
    """Retrieve what a page may know of the community, its plans included."""
    return {"data": _app()}


@bp.get("/app/plans/<plan_id>")
@api.validate(resp=answers(Data[plan_schemas.Plan], 404), tags=TAGS, security=PUBLIC)
def show_plan(plan_id: str) -> dict[str, Any]:
    """Retrieve a plan that is not archived."""
    with reading() as session:
        plan = plans.get_plan(session, site().community_id, plan_id)
        if plan.status != plans.ACTIVE:
            raise NotFound("plan-not-found", f"There is no plan {plan_id}.")
        return {"data": plan_json(plan)}


@bp.get("/app-member")
@api.validate(resp=answers(Data[schemas.AppAndMember]), tags=TAGS, security=AS_MEMBER)
def show_app_and_member() -> dict[str, Any]:
    """Retrieve the community, and who is logged in (null for nobody)."""
    return _app_and_member()


@bp.post("/app-member")
@api.validate(resp=answers(Data[schemas.AppAndMember]), tags=TAGS, security=AS_MEMBER)
def visit() -> dict[str, Any]:
    """The same, as the package asks. What it tells of browser and screen is not kept."""
    return _app_and_member()


@bp.post("/page-view")
@api.validate(resp=answers(Data[schemas.Visited]), tags=TAGS, security=PUBLIC)
def view_page() -> dict[str, Any]:
    """Accepted, so that pages go on; nothing of it is kept."""
    return {"data": visited_json()}


@bp.post("/event")
@api.validate(resp=answers(Data[schemas.Done]), tags=TAGS, security=PUBLIC)
def tell() -> dict[str, Any]:
    """Accepted, so that pages go on; nothing of it is kept."""
    return {"data": {"success": True}}


@bp.post("/member/plans/create-checkout-session")
@bp.post("/member/create-billing-portal-session")
def pay() -> NoReturn:
    """msidp takes no payments: a connection to a plan with a price comes from your backend."""
    require_login()
    message = "msidp takes no payments. Put the member on the plan by the Admin API once they have paid."
    raise BadRequest("payments-not-supported", message)


def _refuse(_rest: str = "") -> NoReturn:
    raise NotFound("not-supported", f"msidp has nothing at {request.path}.")


for _path in _NOT_SERVED:
    bp.add_url_rule(_path, "not_served", _refuse, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])


def _app_and_member() -> dict[str, Any]:
    return {"data": {"app": _app(), "member": found(), **visited_json()}}


def _app() -> dict[str, Any]:
    settings: Settings = current_app.extensions["msidp_settings"]
    here = site()
    with reading() as session:
        brand = branding.read(session, here.community_id)
        offered = plans.active_plans(session, here.community_id)
        return app_json(here, brand, offered, settings.base_url)
