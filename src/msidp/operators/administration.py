"""Acts on operators and keys, each with its audit entry and mails, from wherever they are asked for."""

from sqlalchemy import case, select
from sqlalchemy.orm import Session, aliased

from msidp import languages
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.communities import service as communities
from msidp.communities.models import ApiKey
from msidp.communities.roles import KeyRole, Role
from msidp.communities.service import Maker, NewApiKey
from msidp.mail import outbox
from msidp.operators import factors, notices, service
from msidp.operators.models import Operator
from msidp.operators.service import NewInvitation


def invite(
    session: Session, actor: Actor, email: str, role: Role, *, mail: bool = True, inviter: str | None = None
) -> NewInvitation:
    """Invite somebody, by mail unless told not to; `inviter` is who does it, by name.

    Raises Invalid for an unusable address, Conflict (`operator-exists`).
    """
    by = actor.id if actor.type == "operator" else None
    made = service.invite(session, actor.community_id, email, role, by)
    audit.record(session, actor, "operator.invited", made.id, {"role": role})
    if mail:
        outbox.send(
            session,
            community_id=actor.community_id,
            to=made.email,
            template="operator_invited",
            context={"token": made.token, "role": role, "inviter": inviter},
            expires_at=made.expires_at,
            language=languages.SOURCE,  # as the dashboard
        )
    return made


def withdraw(session: Session, actor: Actor, invitation_id: str) -> None:
    """Make an invitation's link useless. Raises NotFound (`invitation-not-found`)."""
    service.withdraw(session, actor.community_id, invitation_id)
    audit.record(session, actor, "operator.invitation_withdrawn", invitation_id)


def change_role(session: Session, actor: Actor, operator_id: str, role: Role) -> Operator:
    """Give an operator another role. Raises NotFound, Conflict (`last-owner`)."""
    changed = service.change_role(session, actor.community_id, operator_id, role)
    audit.record(session, actor, "operator.role_changed", operator_id, {"role": role})
    return changed


def remove(session: Session, actor: Actor, operator_id: str) -> Operator:
    """Remove an operator, and sign them out everywhere. Raises NotFound, Conflict (`last-owner`)."""
    removed = service.remove(session, actor.community_id, operator_id)
    audit.record(session, actor, "operator.removed", operator_id)
    return removed


def reset_factors(session: Session, actor: Actor, operator_id: str) -> Operator:
    """Take the second factor off an operator who has lost it. Raises NotFound, Conflict (`no-factor`)."""
    found = service.get(session, actor.community_id, operator_id)
    service.reset_factors(session, actor.community_id, operator_id)
    audit.record(session, actor, "operator.factors_reset", operator_id)
    notices.tell(session, found, "factors_reset")
    return found


def require_second_factor(session: Session, actor: Actor, required: bool) -> None:
    """Ask every operator for a second factor, or no longer."""
    service.require_second_factor(session, actor.community_id, required)
    details = {"fields": ["operatorsNeedSecondFactor"], "required": required}
    audit.record(session, actor, "community.updated", actor.community_id, details)


def view(session: Session, community_id: str) -> tuple[list[Operator], set[str]]:
    """All operators, and which of them have a second factor."""
    found = service.list_operators(session, community_id)
    return found, factors.having_any(session, [person.id for person in found])


def view_keys(session: Session, community_id: str) -> list[tuple[ApiKey, bool]]:
    """All keys that were not revoked, and of each whether who made it is gone: removed, or revoked."""
    made_by = aliased(ApiKey)
    present = select(Operator.id).where(Operator.id == ApiKey.maker_id)
    live = select(made_by.id).where(made_by.id == ApiKey.maker_id, made_by.revoked_at.is_(None))
    gone = case(
        (ApiKey.maker_type == "operator", ~present.exists()),
        (ApiKey.maker_type == "api_key", ~live.exists()),
        else_=False,
    )
    mine = select(ApiKey, gone).where(ApiKey.community_id == community_id, ApiKey.revoked_at.is_(None))
    return [(key, is_gone) for key, is_gone in session.execute(mine.order_by(ApiKey.seq))]


def create_key(session: Session, actor: Actor, name: str, role: KeyRole) -> NewApiKey:
    """Make a key of the Admin API. It is the community's, and outlives who made it."""
    maker = Maker(actor.type, actor.id, _name_of(session, actor))
    made = communities.create_api_key(session, actor.community_id, name, role, maker)
    audit.record(session, actor, "api_key.created", made.id, {"role": role})
    return made


def _name_of(session: Session, actor: Actor) -> str | None:
    if actor.type not in ("operator", "api_key"):
        return actor.id
    named = Operator if actor.type == "operator" else ApiKey
    return session.scalar(select(named.name).where(named.id == actor.id))


def revoke_key(session: Session, actor: Actor, key_id: str) -> ApiKey:
    """Make a key useless, at once. Raises NotFound (`api-key-not-found`)."""
    revoked = communities.revoke_api_key(session, actor.community_id, key_id)
    audit.record(session, actor, "api_key.revoked", key_id)
    return revoked
