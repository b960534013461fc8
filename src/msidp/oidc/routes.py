"""Applications over the Admin API."""

from typing import Any

from flask import current_app

from msidp import clock
from msidp.api import Data, Deleted, Page, PageQuery, answers, api, page_json, paginate
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.oidc import service, subjects
from msidp.oidc.models import Application
from msidp.oidc.schemas import (
    ApplicationAnswer,
    ApplicationChanges,
    ApplicationWithSecret,
    NewApplication,
    Rotation,
)
from msidp.oidc.views import application_json
from msidp.outbound.urls import OutboundPolicy
from msidp.webhooks import delivery_routes as deliveries
from msidp.webhooks.answer_schemas import Delivery
from msidp.webhooks.schemas import DeliveryQuery

bp = AdminBlueprint("applications", __name__, url_prefix="/applications")
TAGS = ["applications"]


@bp.post("")
@api.validate(resp=answers(Data[ApplicationWithSecret]), tags=TAGS)
def create(json: NewApplication) -> dict[str, Any]:
    """Register an application. Its secret, where it has one, is in this answer and in no other."""
    fields = json.model_dump(exclude_unset=True, exclude={"name", "type"})
    subjects.check_sector(fields.get("sector_identifier_uri"), fields.get("redirect_uris", []), _policy())
    with transaction() as session:
        application, secret = service.create(
            session, caller().community_id, json.name, json.type, fields, _policy()
        )
        audit.record(session, key_holder(), "application.created", application.id)
        return {"data": {**application_json(application), "clientSecret": secret}}


@bp.get("")
@api.validate(resp=answers(Page[ApplicationAnswer]), tags=TAGS)
def list_(query: PageQuery) -> dict[str, Any]:
    """List the applications, oldest first unless `order` says otherwise."""
    with reading() as session:
        mine = Application.community_id == caller().community_id
        rows, frame = paginate(session, Application, [mine], query)
        return page_json(rows, frame, application_json)


@bp.get("/<application_id>")
@api.validate(resp=answers(Data[ApplicationAnswer], 404), tags=TAGS)
def get(application_id: str) -> dict[str, Any]:
    """Show one application."""
    with reading() as session:
        return {"data": application_json(service.get(session, caller().community_id, application_id))}


@bp.patch("/<application_id>")
@api.validate(resp=answers(Data[ApplicationAnswer], 404), tags=TAGS)
def update(application_id: str, json: ApplicationChanges) -> dict[str, Any]:
    """Change what is sent, leave the rest. Lists are replaced. The type stays what it is."""
    changes = json.model_dump(exclude_unset=True)
    subjects.check_sector_after(caller().community_id, application_id, changes, _policy())
    with transaction() as session:
        application = service.get(session, caller().community_id, application_id)
        service.update(session, application, changes, _policy())
        audit.record(
            session, key_holder(), "application.updated", application.id, {"fields": sorted(changes)}
        )
        return {"data": application_json(application)}


@bp.delete("/<application_id>")
@api.validate(resp=answers(Data[Deleted], 404), tags=TAGS)
def delete(application_id: str) -> dict[str, Any]:
    """Remove an application. Its codes and tokens end with it."""
    with transaction() as session:
        application = service.get(session, caller().community_id, application_id)
        service.delete(session, application)
        audit.record(session, key_holder(), "application.deleted", application_id)
        return {"data": {"id": application_id}}


@bp.post("/<application_id>/rotate-secret")
@api.validate(resp=answers(Data[ApplicationWithSecret], 404), tags=TAGS)
def rotate_secret(application_id: str, json: Rotation) -> dict[str, Any]:
    """Give an application a new secret, shown in this answer only.

    The former one stays good for `overlap` seconds: a day by default, 0 ends it at once.
    """
    with transaction() as session:
        application = service.get(session, caller().community_id, application_id)
        secret = service.rotate_secret(session, application, json.overlap * clock.SECOND)
        audit.record(session, key_holder(), "application.secret_rotated", application.id)
        return {"data": {**application_json(application), "clientSecret": secret}}


@bp.get("/<application_id>/logout-deliveries")
@api.validate(resp=answers(Page[Delivery], 404), tags=TAGS)
def list_logout_deliveries(application_id: str, query: DeliveryQuery) -> dict[str, Any]:
    """List the logout tokens on their way to an application, oldest first unless `order` says otherwise.

    `GET /deliveries/{id}` shows the attempts of each, `POST /deliveries/{id}/retry` makes one more.
    """
    with reading() as session:
        application = service.get(session, caller().community_id, application_id)
        return deliveries.page_to(session, query, application.id)


def _policy() -> OutboundPolicy:
    return OutboundPolicy.of(current_app.extensions["msidp_settings"])
