"""Operators and their invitations over the Admin API. It takes an owner's key, as it takes an owner."""

from typing import Any

from msidp import clock
from msidp.api import Data, Deleted, Page, answers, api
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.operators import administration, factors, schemas, service
from msidp.operators.links import setup_link
from msidp.operators.models import Operator
from msidp.operators.views import invitation_json, operator_json

bp = AdminBlueprint("operators", __name__, needs="owner")
TAGS = ["operators"]


@bp.get("/operators")
@api.validate(resp=answers(Page[schemas.OperatorAnswer], 403), tags=TAGS)
def list_operators() -> dict[str, Any]:
    """List who runs the community, the first one first; all on one page."""
    with reading() as session:
        found, having = administration.view(session, caller().community_id)
        return all_of([operator_json(person, second_factor=person.id in having) for person in found])


@bp.patch("/operators/<operator_id>")
@api.validate(resp=answers(Data[schemas.OperatorAnswer], 403, 404, 409), tags=TAGS)
def update_operator(operator_id: str, json: schemas.OperatorChanges) -> dict[str, Any]:
    """Give an operator another role. 409 `last-owner`."""
    with transaction() as session:
        changed = administration.change_role(session, key_holder(), operator_id, json.role)
        having = factors.has_any(session, changed.id)
        return {"data": operator_json(changed, second_factor=having)}


@bp.delete("/operators/<operator_id>")
@api.validate(resp=answers(Data[Deleted], 403, 404, 409), tags=TAGS)
def remove_operator(operator_id: str) -> dict[str, Any]:
    """Remove an operator, and sign them out everywhere. 409 `last-owner`."""
    with transaction() as session:
        administration.remove(session, key_holder(), operator_id)
    return {"data": {"id": operator_id}}


@bp.delete("/operators/<operator_id>/factors")
@api.validate(resp=answers(Data[schemas.OperatorAnswer], 403, 404, 409), tags=TAGS)
def reset_factors(operator_id: str) -> dict[str, Any]:
    """Take the second factor off an operator who has lost it, and sign them out. 409 `no-factor`.

    From then on they sign in by password alone; they are told by mail.
    """
    with transaction() as session:
        found: Operator = administration.reset_factors(session, key_holder(), operator_id)
        return {"data": operator_json(found, second_factor=False)}


@bp.get("/operator-invitations")
@api.validate(resp=answers(Page[schemas.Invitation], 403), tags=TAGS)
def list_invitations() -> dict[str, Any]:
    """List the invitations that still stand; all on one page."""
    with reading() as session:
        found = service.list_invitations(session, caller().community_id)
        return all_of([invitation_json(each) for each in found])


@bp.post("/operator-invitations")
@api.validate(resp=answers(Data[schemas.InvitationMade], 403, 409), tags=TAGS)
def invite(json: schemas.NewInvitation) -> dict[str, Any]:
    """Invite somebody to run the community; the link is good once, for three days.

    A former invitation of theirs ends. 409 `operator-exists`.
    """
    with transaction() as session:
        made = administration.invite(session, key_holder(), json.email, json.role, mail=json.mail)
    answer = {"id": made.id, "email": made.email, "role": made.role}
    return {"data": answer | {"link": setup_link(made.token), "expiresAt": clock.iso(made.expires_at)}}


@bp.delete("/operator-invitations/<invitation_id>")
@api.validate(resp=answers(Data[Deleted], 403, 404), tags=TAGS)
def withdraw_invitation(invitation_id: str) -> dict[str, Any]:
    """Make an invitation's link useless."""
    with transaction() as session:
        administration.withdraw(session, key_holder(), invitation_id)
    return {"data": {"id": invitation_id}}


@bp.get("/operator-policy")
@api.validate(resp=answers(Data[schemas.OperatorPolicyAnswer], 403), tags=TAGS)
def show_policy() -> dict[str, Any]:
    """Retrieve what is asked of every operator."""
    with reading() as session:
        return {
            "data": {"secondFactorRequired": service.requires_second_factor(session, caller().community_id)}
        }


@bp.patch("/operator-policy")
@api.validate(resp=answers(Data[schemas.OperatorPolicyAnswer], 403), tags=TAGS)
def change_policy(json: schemas.OperatorPolicy) -> dict[str, Any]:
    """Ask every operator for a second factor, or no longer. Who has none sets one up before they go on."""
    with transaction() as session:
        administration.require_second_factor(session, key_holder(), json.second_factor_required)
    return {"data": {"secondFactorRequired": json.second_factor_required}}


def all_of(views: list[dict[str, Any]]) -> dict[str, Any]:
    """A list that has one page."""
    return {"totalCount": len(views), "endCursor": len(views), "hasNextPage": False, "data": views}
