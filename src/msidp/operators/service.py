"""What can be done with operators, in terms of the session it is given."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from msidp import clock, db, ids
from msidp.communities.models import Community
from msidp.communities.roles import Role
from msidp.errors import Conflict, NotFound
from msidp.members.emails import normalise
from msidp.operators import factors, sessions
from msidp.operators.models import Operator, OperatorInvitation, OperatorReset

INVITATION_LIFETIME = 3 * clock.DAY


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation just made; the only moment its token is known."""

    id: str
    email: str | None
    role: str
    token: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class NewOperator:
    """What somebody who accepts an invitation says of themselves. `email` counts where it named none."""

    email: str
    name: str
    password_hash: str


def exists_any(session: Session, community_id: str) -> bool:
    """Whether the community has an operator."""
    return (
        session.scalar(select(Operator.seq).where(Operator.community_id == community_id).limit(1)) is not None
    )


def invite_first(session: Session, community_id: str) -> NewInvitation | None:
    """The link that makes the first operator; None once there is one.

    A new link takes the place of the one before: what an older start printed is worth nothing.
    """
    db.lock(session, "operators")
    if exists_any(session, community_id):
        return None
    session.execute(
        delete(OperatorInvitation).where(
            OperatorInvitation.community_id == community_id, OperatorInvitation.email.is_(None)
        )
    )
    return _invite(session, community_id, None, "owner", None)


def invite(
    session: Session, community_id: str, email: str, role: Role, invited_by: str | None = None
) -> NewInvitation:
    """Invite somebody by address; a former invitation of theirs ends.

    Raises Invalid for an unusable address, Conflict (`operator-exists`) for one that is an operator's.
    """
    db.lock(session, "operators")
    address = normalise(email)
    if find_by_email(session, community_id, email) is not None:
        raise Conflict("operator-exists", f"{address.address} is an operator already.")
    session.execute(
        delete(OperatorInvitation).where(
            OperatorInvitation.community_id == community_id, OperatorInvitation.email == address.address
        )
    )
    return _invite(session, community_id, address.address, role, invited_by)


def _invite(
    session: Session, community_id: str, email: str | None, role: Role, invited_by: str | None
) -> NewInvitation:
    token = ids.new_token()
    now = clock.now()
    row = OperatorInvitation(
        id=ids.new_id("inv"),
        community_id=community_id,
        email=email,
        role=role,
        token_hash=ids.hash_token(token),
        invited_by=invited_by,
        created_at=now,
        expires_at=now + INVITATION_LIFETIME,
    )
    session.add(row)
    session.flush()
    return NewInvitation(row.id, email, role, token, row.expires_at)


def find_invitation(session: Session, token: str) -> OperatorInvitation | None:
    """The invitation that still stands. To look at it spends nothing."""
    invitation = session.scalar(
        select(OperatorInvitation).where(
            OperatorInvitation.token_hash == ids.hash_token(token),
            OperatorInvitation.expires_at > clock.now(),
        )
    )
    if invitation and invitation.email is None and exists_any(session, invitation.community_id):
        return None  # the first link closes for good, whoever came first
    return invitation


def accept(session: Session, token: str, new: NewOperator) -> Operator | None:
    """Make the operator that the invitation is for; None where it no longer stands.

    Raises Invalid for an unusable address, Conflict (`operator-exists`).
    """
    db.lock(session, "operators")
    invitation = find_invitation(session, token)
    if invitation is None:
        return None
    address = normalise(invitation.email or new.email)
    if find_by_email(session, invitation.community_id, address.address) is not None:
        raise Conflict("operator-exists", f"{address.address} is an operator already.")
    operator = Operator(
        id=ids.new_id("opr"),
        community_id=invitation.community_id,
        email=address.address,
        email_key=address.key,
        name=new.name,
        role=invitation.role,
        password_hash=new.password_hash,
        created_at=clock.now(),
    )
    session.add(operator)
    session.delete(invitation)
    session.flush()
    return operator


def find_by_email(session: Session, community_id: str, email: str) -> Operator | None:
    """The operator with this address, however it is written. Raises Invalid for what is no address."""
    return session.scalar(
        select(Operator).where(
            Operator.community_id == community_id, Operator.email_key == normalise(email).key
        )
    )


def get_by_email(session: Session, community_id: str, email: str) -> Operator:
    """The operator with this address. Raises NotFound, and Invalid for what is no address."""
    found = find_by_email(session, community_id, email)
    if found is None:
        raise NotFound("operator-not-found", "No operator has this address.")
    return found


def change_password(session: Session, operator_id: str, password_hash: str, keep_session: str) -> Operator:
    """Set an operator's password, and sign them out everywhere but here. Links to choose another end."""
    person = session.scalars(select(Operator).where(Operator.id == operator_id)).one()
    person.password_hash = password_hash
    session.flush()
    session.execute(delete(OperatorReset).where(OperatorReset.operator_id == operator_id))
    sessions.end_others(session, operator_id, keep_session)
    return person


def change_role(session: Session, community_id: str, operator_id: str, role: Role) -> Operator:
    """Give an operator another role. Raises NotFound, Conflict (`last-owner`)."""
    db.lock(session, "operators")
    operator = get(session, community_id, operator_id)
    if operator.role == "owner" and role != "owner":
        _keep_an_owner(session, community_id)
    operator.role = role
    session.flush()
    return operator


def remove(session: Session, community_id: str, operator_id: str) -> Operator:
    """Remove an operator and end their sessions. Raises NotFound, Conflict (`last-owner`)."""
    db.lock(session, "operators")
    operator = get(session, community_id, operator_id)
    if operator.role == "owner":
        _keep_an_owner(session, community_id)
    sessions.end_all(session, operator.id)
    session.delete(operator)
    session.flush()
    return operator


def withdraw(session: Session, community_id: str, invitation_id: str) -> None:
    """Take an invitation back. Raises NotFound."""
    found = session.scalar(
        select(OperatorInvitation).where(
            OperatorInvitation.id == invitation_id, OperatorInvitation.community_id == community_id
        )
    )
    if found is None:
        raise NotFound("invitation-not-found", "There is no such invitation.")
    session.delete(found)
    session.flush()


def require_second_factor(session: Session, community_id: str, required: bool) -> None:
    """Ask every operator of the community for a second factor, or no longer."""
    session.execute(
        update(Community).where(Community.id == community_id).values(operators_need_second_factor=required)
    )


def requires_second_factor(session: Session, community_id: str) -> bool:
    """Whether every operator of the community needs a second factor."""
    wanted = select(Community.operators_need_second_factor).where(Community.id == community_id)
    return bool(session.scalar(wanted))


def reset_factors(session: Session, community_id: str, operator_id: str) -> Operator:
    """Take an operator's second factors off and sign them out. Raises NotFound, Conflict (`no-factor`)."""
    operator = get(session, community_id, operator_id)
    if not factors.reset(session, operator.id):
        raise Conflict("no-factor", f"{operator.name} has no second factor.")
    return operator


def addresses(session: Session, community_id: str) -> list[str]:
    """Whom to write to when something needs looking after: those who may change things."""
    mine = select(Operator.email).where(Operator.community_id == community_id, Operator.role != "viewer")
    return list(session.scalars(mine.order_by(Operator.seq)))


def list_operators(session: Session, community_id: str) -> list[Operator]:
    """All operators, the first one first."""
    return list(
        session.scalars(select(Operator).where(Operator.community_id == community_id).order_by(Operator.seq))
    )


def list_invitations(session: Session, community_id: str) -> list[OperatorInvitation]:
    """The invitations by address that still stand."""
    return list(
        session.scalars(
            select(OperatorInvitation)
            .where(
                OperatorInvitation.community_id == community_id,
                OperatorInvitation.email.is_not(None),
                OperatorInvitation.expires_at > clock.now(),
            )
            .order_by(OperatorInvitation.seq)
        )
    )


def get(session: Session, community_id: str, operator_id: str) -> Operator:
    """An operator of the community. Raises NotFound."""
    found = session.scalar(
        select(Operator).where(Operator.id == operator_id, Operator.community_id == community_id)
    )
    if found is None:
        raise NotFound("operator-not-found", "There is no such operator.")
    return found


def _keep_an_owner(session: Session, community_id: str) -> None:
    owners = session.scalar(
        select(func.count())
        .select_from(Operator)
        .where(Operator.community_id == community_id, Operator.role == "owner")
    )
    if owners == 1:
        raise Conflict("last-owner", "This is the last owner. Make somebody else an owner first.")
