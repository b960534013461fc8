"""Members over the Admin API, as Memberstack's own admin package expects them."""

from typing import Any, cast

from flask import Response, current_app
from sqlalchemy.orm import Session, selectinload

from msidp import exports
from msidp.api import (
    Data,
    Deleted,
    Lines,
    Page,
    PageQuery,
    PlainText,
    answers,
    api,
    given,
    page_json,
    paginate,
)
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller, require_role
from msidp.db import reading, transaction
from msidp.errors import NotFound
from msidp.images import codec
from msidp.images.codec import Picture
from msidp.members import connections, photos, schemas, service, transfer
from msidp.members.models import Member
from msidp.members.views import connection_json, member_json
from msidp.settings import Settings
from msidp.vault.passwords import hash_password
from msidp.webhooks.answer_schemas import Event as EventAnswer
from msidp.webhooks.catalogue import LOGOUT
from msidp.webhooks.models import Event
from msidp.webhooks.views import event_json

bp = AdminBlueprint("members", __name__, url_prefix="/members")
TAGS = ["members"]


@bp.get("")
@api.validate(resp=answers(Page[schemas.Member]), tags=TAGS)
def list_members(query: schemas.MemberPageQuery) -> dict[str, Any]:
    """List the members, oldest first unless `order` says otherwise."""
    with reading() as session:
        mine = Member.community_id == caller().community_id
        along = [selectinload(Member.plan_connections)]
        rows, frame = paginate(session, Member, [mine], query, along)
        return page_json(rows, frame, lambda member: member_json(member, include_json=query.include_json))


@bp.post("")
@api.validate(resp=answers(Data[schemas.Member], 404, 409), tags=TAGS)
def create_member(json: schemas.MemberInput, query: schemas.MemberQuery) -> dict[str, Any]:
    """Create a member, on free plans where some are named.

    The address must be new (409 `email-already-in-use`), the plans known (404 `plan-not-found`) and free
    (422 `plan-not-free`). Sends member.created, and member.plan.created for each plan.
    """
    fields = _with_picture(json.model_dump(exclude={"password", "plans", "profile", "profile_image"}), json)
    password_hash = hash_password(json.password) if json.password is not None else None
    with transaction() as session:
        member = service.create_member(
            session,
            caller().community_id,
            password_hash=password_hash,
            plan_ids=[plan.plan_id for plan in json.plans],
            **fields,
        )
        audit.record(session, key_holder(), "member.created", member.id)
        return {"data": member_json(member, include_json=query.include_json)}


@bp.get("/export")
@api.validate(resp=answers(Lines, 403), tags=TAGS)
def export_members(query: schemas.MemberExportQuery) -> Response:
    """Export all members, oldest first, as a file that `msidp member import` and the dashboard read.

    Password hashes take an owner's key.
    """
    if query.password_hashes:
        require_role("owner")
    community_id = caller().community_id
    with transaction() as session:
        details = {"format": query.format, "passwordHashes": query.password_hashes}
        audit.record(session, key_holder(), "members.exported", None, details)
    export = transfer.export(hashes=query.password_hashes)
    return exports.answer(export, [Member.community_id == community_id], query.format)


@bp.get("/<member_id>")
@bp.get("/<path:member_id>")  # an address may hold a slash
@api.validate(
    resp=answers(schemas.FoundMember, 404),
    tags=TAGS,
    path_parameter_descriptions={"member_id": "The member's id, or their address, URL-encoded."},
)
def retrieve_member(member_id: str, query: schemas.MemberQuery) -> dict[str, Any]:
    """Retrieve a member by id or address.

    Where there is none, `data` is null. 404 is for paths that lead to no member, such as `/members/a/b`.
    """
    if "/" in member_id and "@" not in member_id:
        raise NotFound("not-found", "There is nothing at this path.")
    with reading() as session:
        member = service.find(session, caller().community_id, member_id)
        found = None if member is None else member_json(member, include_json=query.include_json)
        return {"data": found}


@bp.patch("/<member_id>")
@api.validate(resp=answers(Data[schemas.Member], 404, 409, 503), tags=TAGS)
def update_member(member_id: str, json: schemas.MemberChanges, query: schemas.MemberQuery) -> dict[str, Any]:
    """Change a member.

    Only the fields given change; `customFields`, `metaData` and `profile` are merged, `json` is replaced.
    A new address (409 `email-already-in-use` where it is taken) counts as unverified unless `verified` is
    given with it. Sends member.updated with its reasons, member.role_changed for a role, and nothing
    where nothing changes. A photo that cannot be read is 422 `invalid-image`.
    """
    changes = cast("service.MemberChanges", _with_picture(given(json), json))
    photo = _photo(changes)
    with transaction() as session:
        if photo:
            changes["profile"] = {**changes["profile"], "picture": _kept(session, member_id, photo)}
        member = service.update_member(session, caller().community_id, member_id, changes)
        audit.record(session, key_holder(), "member.updated", member.id, {"fields": sorted(changes)})
        return {"data": member_json(member, include_json=query.include_json)}


@bp.delete("/<member_id>")
@api.validate(resp=answers(Data[Deleted], 404), tags=TAGS)
def delete_member(member_id: str) -> dict[str, Any]:
    """Delete a member and all that hangs on it: plan connections, sessions, tokens. Sends member.deleted."""
    with transaction() as session:
        service.delete_member(session, caller().community_id, member_id)
        audit.record(session, key_holder(), "member.deleted", member_id)
    return {"data": {"id": member_id}}


@bp.post("/<member_id>/add-plan")
@api.validate(resp=answers(PlainText, 404, 409), tags=TAGS)
def add_plan(member_id: str, json: schemas.PlanReference) -> Response:
    """Put a member on a free plan.

    409 `already-have-plan` where they are on it, 422 `plan-not-free` where it has a price. Sends
    member.plan.created.
    """
    with transaction() as session:
        member = service.lock_member(session, caller().community_id, member_id)
        connections.add(session, member, json.plan_id)
        audit.record(session, key_holder(), "member.plan_added", member_id, {"planId": json.plan_id})
    return Response("OK", mimetype="text/plain")


@bp.post("/<member_id>/remove-plan")
@api.validate(resp=answers(PlainText, 404), tags=TAGS)
def remove_plan(member_id: str, json: schemas.PlanReference) -> Response:
    """Take a member off a free plan.

    404 `plan-not-found` where they are not on it, 422 `plan-not-free` where it has a price. Sends
    member.plan.canceled.
    """
    with transaction() as session:
        member = service.lock_member(session, caller().community_id, member_id)
        connections.remove(session, member, json.plan_id)
        audit.record(session, key_holder(), "member.plan_removed", member_id, {"planId": json.plan_id})
    return Response("OK", mimetype="text/plain")


@bp.patch("/<member_id>/plans/<connection_id>")
@api.validate(resp=answers(Data[schemas.PlanConnection], 404, 409), tags=TAGS)
def update_connection(member_id: str, connection_id: str, json: schemas.ConnectionChanges) -> dict[str, Any]:
    """Change a plan connection: its status, plan or next billing date.

    A new plan may have a price; its first one applies. Sends member.plan.canceled where the status
    becomes CANCELED, member.plan.updated for any other change, and nothing where nothing changes.
    """
    fields = given(json)
    if "next_billing_date" in fields:
        fields["next_billing_at"] = fields.pop("next_billing_date")
    changes = cast("connections.ConnectionChanges", fields)
    with transaction() as session:
        member = service.lock_member(session, caller().community_id, member_id)
        connection = connections.update(session, member, connection_id, changes)
        details = {"connectionId": connection_id, "fields": sorted(fields)}
        audit.record(session, key_holder(), "member.plan_updated", member_id, details)
        return {"data": connection_json(connection)}


@bp.get("/<member_id>/events")
@api.validate(resp=answers(Page[EventAnswer], 404), tags=TAGS)
def list_events(member_id: str, query: PageQuery) -> dict[str, Any]:
    """List what happened to a member, oldest first unless `order` says otherwise."""
    with reading() as session:
        community_id = caller().community_id
        service.get_member(session, community_id, member_id)
        theirs = [Event.community_id == community_id, Event.member_id == member_id, Event.type != LOGOUT]
        rows, frame = paginate(session, Event, theirs, query)
        return page_json(rows, frame, event_json)


def _photo(changes: service.MemberChanges) -> Picture | None:
    """The photo that a `data:` URL in place of a link holds. Raises Invalid, Busy."""
    link = str(changes.get("profile", {}).get("picture"))
    return codec.photo(codec.from_data_url(link)) if link.startswith("data:") else None


def _kept(session: Session, member_id: str, photo: Picture) -> str:
    settings: Settings = current_app.extensions["msidp_settings"]
    return photos.keep(session, caller().community_id, member_id, photo, settings.base_url)


def _with_picture(
    fields: dict[str, Any], body: schemas.MemberInput | schemas.MemberChanges
) -> dict[str, Any]:
    """The fields for the service: `profileImage` is the claim `picture`, and `profile` what was given."""
    profile: dict[str, Any] = {}
    if "profile" in body.model_fields_set:
        profile |= body.profile.model_dump(exclude_unset=True)
    if "profile_image" in body.model_fields_set:
        profile["picture"] = body.profile_image
    rest = {name: value for name, value in fields.items() if name not in ("profile", "profile_image")}
    if "json_" in rest:
        rest["json"] = rest.pop("json_")
    return {**rest, "profile": profile} if profile else rest
