"""/member and what is below it: members, on themselves."""

from typing import Any

from flask import current_app, request

from msidp.accounts import sessions, trail
from msidp.accounts.sessions import Login
from msidp.api import Data, Deleted, answers, api
from msidp.db import reading, transaction
from msidp.errors import Invalid, NotFound, TooLarge
from msidp.images import codec
from msidp.images.codec import Picture
from msidp.members import connections, photos
from msidp.members import schemas as member_schemas
from msidp.members import service as members
from msidp.members.views import member_json
from msidp.memberstack import own, schemas
from msidp.memberstack.guard import AS_MEMBER, TAGS, ClientBlueprint, current_login, require_login, site
from msidp.settings import Settings

bp = ClientBlueprint("client_member", __name__)


@bp.get("/member")
@api.validate(resp=answers(member_schemas.FoundMember), tags=TAGS, security=AS_MEMBER)
def show() -> dict[str, Any]:
    """Retrieve who is logged in; `data` is null where the token is missing, wrong or over."""
    return {"data": found()}


@bp.post("/member")
@api.validate(resp=answers(Data[member_schemas.Member]), tags=TAGS, security=AS_MEMBER)
def change(json: schemas.OwnChanges) -> dict[str, Any]:
    """Change the member's custom fields. Sends member.updated."""
    login, community_id = require_login(), site().community_id
    with transaction() as session:
        changes: members.MemberChanges = {"custom_fields": json.custom_fields or {}}
        return {"data": member_json(members.update_member(session, community_id, login.member_id, changes))}


@bp.delete("/member")
@api.validate(resp=answers(Data[Deleted], 403), tags=TAGS, security=AS_MEMBER)
def delete() -> dict[str, Any]:
    """Delete the account, as its member. Sends member.deleted.

    403 `login-required` unless the log-in is of the last ten minutes.
    """
    login = require_login()
    own.delete(site(), login)
    return {"data": {"id": login.member_id}}


@bp.post("/member-auth")
@api.validate(resp=answers(Data[member_schemas.Member], 403, 409, 429, 503), tags=TAGS, security=AS_MEMBER)
def change_auth(json: schemas.AuthChanges) -> dict[str, Any]:
    """Change address or password.

    A new password takes the present one as `oldPassword` (401 `invalid-credentials`) and ends every other
    session. A new address counts at once, unverified; it takes the present password too, or a log-in of the
    last ten minutes (403 `login-required`). The former address is told, with a way back. 409
    `email-already-in-use`. A new address sends member.updated.
    """
    login = require_login()
    own.change_auth(site(), login, json)
    return {"data": _shown(login)}


@bp.post("/member/set-password")
@api.validate(resp=answers(Data[member_schemas.Member], 403, 409, 503), tags=TAGS, security=AS_MEMBER)
def set_password(json: schemas.OwnPassword) -> dict[str, Any]:
    """Set a first password.

    409 `password-already-set`, 403 `login-required` unless the log-in is of the last ten minutes.
    """
    login = require_login()
    own.set_first_password(site(), login, json.password)
    return {"data": _shown(login)}


@bp.post("/member/logout")
@api.validate(resp=answers(Data[schemas.LoggedOut]), tags=TAGS, security=AS_MEMBER)
def log_out() -> dict[str, Any]:
    """End the token's session. A token that is no longer good is over already."""
    if login := current_login():
        try:
            with transaction() as session:
                sessions.end_one(session, login.member_id, login.session_id)
                trail.note(session, login.member_id, "session.ended", login.session_id)
        except NotFound:
            pass  # another request was faster
    return {"data": {"redirect": None}}


@bp.get("/member/json")
@api.validate(resp=answers(schemas.Json), tags=TAGS, security=AS_MEMBER)
def show_json() -> dict[str, Any]:
    """Retrieve the member's `json`; null where nothing was kept."""
    return {"data": own.member_of(site(), require_login()).json}


@bp.post("/member/json")
@api.validate(resp=answers(schemas.Json), tags=TAGS, security=AS_MEMBER)
def change_json(json: schemas.OwnJson) -> dict[str, Any]:
    """Replace the member's `json`. Sends member.updated."""
    login = require_login()
    with transaction() as session:
        changes: members.MemberChanges = {"json": json.json_}
        return {"data": members.update_member(session, site().community_id, login.member_id, changes).json}


@bp.post("/member/profile-image")
@api.validate(resp=answers(Data[schemas.ProfileImage], 413, 503), tags=TAGS, security=AS_MEMBER)
def change_profile_image() -> dict[str, Any]:
    """Give the member another picture: the file `profileImage` of a form (multipart/form-data).

    A PNG, JPEG or WebP of at most 900 kB, which is made anew. 422 `invalid-file-type`, 413
    `file-size-too-large`. Sends member.updated.
    """
    login = require_login()
    picture = _sent()
    settings: Settings = current_app.extensions["msidp_settings"]
    with transaction() as session:
        member = photos.change(session, site().community_id, login.member_id, picture, settings.base_url)
    return {"data": {"profileImage": member.profile.get("picture")}}


@bp.delete("/member/profile-image")
@api.validate(resp=answers(Data[schemas.ProfileImage]), tags=TAGS, security=AS_MEMBER)
def remove_profile_image() -> dict[str, Any]:
    """Take the member's picture away. Sends member.updated."""
    login = require_login()
    with transaction() as session:
        photos.remove(session, site().community_id, login.member_id)
    return {"data": {"profileImage": None}}


@bp.post("/member/plans/add")
@api.validate(resp=answers(Data[schemas.MemberAndRedirect], 404, 409), tags=TAGS, security=AS_MEMBER)
def add_plan(json: schemas.Membership) -> dict[str, Any]:
    """Put the member on a free plan. Sends member.plan.created.

    404 `plan-not-found`, 409 `already-have-plan`, 422 `plan-not-free`.
    """
    login = require_login()
    with transaction() as session:
        member = members.lock_member(session, site().community_id, login.member_id)
        connections.add(session, member, json.plan_id)
        return {"data": {"member": member_json(member), "redirect": None}}


@bp.post("/member/plans/remove")
@api.validate(resp=answers(Data[schemas.MemberAndRedirect], 404), tags=TAGS, security=AS_MEMBER)
def remove_plan(json: schemas.Membership) -> dict[str, Any]:
    """Take the member off a free plan. Sends member.plan.canceled.

    404 `plan-not-found` where they are not on it, 422 `plan-not-free`.
    """
    login = require_login()
    with transaction() as session:
        member = members.lock_member(session, site().community_id, login.member_id)
        connections.remove(session, member, json.plan_id)
        session.flush()
        return {"data": {"member": member_json(member), "redirect": None}}


def found() -> dict[str, Any] | None:
    """Who is logged in, as pages see them; None for nobody."""
    login = current_login()
    return _shown(login) if login else None


def _shown(login: Login) -> dict[str, Any]:
    """Raises NotFound where they were deleted just now."""
    with reading() as session:
        return member_json(members.get_member(session, site().community_id, login.member_id))


def _sent() -> Picture:
    """The picture of the form. Raises Invalid, TooLarge, Busy."""
    sent = request.files.get("profileImage")
    upload = sent.read() if sent else b""
    if not upload:
        raise Invalid("required-field-missing", "Send the picture as the file `profileImage` of a form.")
    if len(upload) > codec.MAX_UPLOAD:
        raise TooLarge("file-size-too-large", f"A picture has at most {codec.MAX_UPLOAD // 1000} kB.")
    try:
        return codec.photo(upload)
    except Invalid as problem:
        raise Invalid("invalid-file-type", problem.message) from None
