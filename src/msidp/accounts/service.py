"""What can be done with accounts, in terms of the session it is given."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession

from msidp.accounts.credentials import NewAccount, Proof, cannot_sign_up
from msidp.errors import Conflict
from msidp.members import service as members
from msidp.members.models import Member, PlanConnection
from msidp.plans.models import Plan


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan as its member's account page shows it. `status` is the connection's."""

    name: str
    status: str


def log_in(session: DbSession, proof: Proof) -> Member | None:
    """The member of this proof, who has now logged in.

    None where the member was deleted, or the password changed, since the proof was made. That a member
    logged in is no event.
    """
    member = session.scalar(
        select(Member).where(Member.id == proof.member_id, Member.password_hash == proof.password_hash)
    )
    if member is None:
        return None
    if proof.new_hash:
        member.password_hash = proof.new_hash
    members.record_login(session, member.id)
    return member


def sign_up(session: DbSession, community_id: str, account: NewAccount) -> Member:
    """A new member, logged in. Raises Conflict (`cannot-sign-up`) when another request was faster."""
    try:
        member = members.create_member(
            session,
            community_id,
            email=account.email,
            password_hash=account.password_hash,
            profile={"name": account.name} if account.name else None,
        )
    except Conflict:
        raise cannot_sign_up() from None
    members.record_login(session, member.id)
    return member


def plans_of(session: DbSession, member_id: str) -> list[PlanLine]:
    """The member's plans that are not canceled, oldest first."""
    rows = session.execute(
        select(Plan.name, PlanConnection.status)
        .join(Plan, Plan.id == PlanConnection.plan_id)
        .where(PlanConnection.member_id == member_id, PlanConnection.status != "CANCELED")
        .order_by(PlanConnection.seq)
    )
    return [PlanLine(row.name, row.status) for row in rows]
