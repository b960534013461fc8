"""Members' factors over the Admin API: for the support of somebody who has lost theirs."""

from typing import Any

from msidp import clock
from msidp.accounts import notices
from msidp.accounts.factors import passkeys, recovery, totp
from msidp.accounts.factors.models import Passkey
from msidp.api import Answer, Data, Deleted, answers, api
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.errors import NotFound
from msidp.members import service as members

bp = AdminBlueprint("member_factors", __name__, url_prefix="/members")
TAGS = ["members"]


class MemberPasskey(Answer):
    """A passkey. `synced`: it may live on several devices."""

    id: str
    name: str
    synced: bool
    created_at: str
    last_used_at: str | None


class MemberFactors(Answer):
    """By what a member signs in, beside a mailed code. `recoveryCodes` is how many are left."""

    password: bool
    authenticator_app: bool
    recovery_codes: int
    passkeys: list[MemberPasskey]


@bp.get("/<member_id>/factors")
@api.validate(resp=answers(Data[MemberFactors], 404), tags=TAGS)
def show(member_id: str) -> dict[str, Any]:
    """Show by what a member signs in."""
    with reading() as session:
        member = members.get_member(session, caller().community_id, member_id)
        return {
            "data": {
                "password": member.password_hash is not None,
                "authenticatorApp": totp.is_on(session, member.id),
                "recoveryCodes": recovery.count(session, member.id),
                "passkeys": [_passkey_json(row) for row in passkeys.list_of(session, member.id)],
            }
        }


@bp.delete("/<member_id>/factors/authenticator-app")
@api.validate(resp=answers(Data[Deleted], 404), tags=TAGS)
def remove_app(member_id: str) -> dict[str, Any]:
    """Take the authenticator app and the recovery codes off an account.

    For a member who has lost both, once you know by other means that it is them: from then on one factor
    opens the account. They are told by mail.
    """
    with transaction() as session:
        member = members.get_member(session, caller().community_id, member_id)
        if not totp.remove(session, member.id):
            raise NotFound("authenticator-app-not-found", "The member has no authenticator app.")
        recovery.clear(session, member.id)
        audit.record(session, key_holder(), "second_factor.removed", member.id)
        notices.tell(session, member, "authenticator_removed")
    return {"data": {"id": member_id}}


def _passkey_json(row: Passkey) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "synced": row.synced,
        "createdAt": clock.iso(row.created_at),
        "lastUsedAt": clock.iso_or_none(row.used_at),
    }
