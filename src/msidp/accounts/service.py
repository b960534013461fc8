"""What can be done with accounts, in terms of the session it is given."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession

from msidp.accounts.credentials import NewAccount, Proof, cannot_sign_up
from msidp.errors import Conflict
from msidp.members import service as members
from msidp.members.models import Member, PlanConnection
from msidp.plans.models import Plan
from msidp.words import words

_STATUSES = {
    "ACTIVE": words("Active"),
    "TRIALING": words("Trial"),
    "REQUIRES_PAYMENT": words("Payment needed"),
    "REQUIRES_AUTHENTICATION": words("Payment to be confirmed"),
}


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan as its member's account page shows it. `status` is the connection's."""

    name: str
    status: str

    @property
    def status_words(self) -> str:
        """The status as a member understands it."""
        return _STATUSES.get(self.status, self.status)


def redeem(session: DbSession, proof: Proof) -> Member | None:
    """The member of this proof; None where they were deleted, or the password changed, since it was made."""
    member = session.scalar(
        select(Member).where(Member.id == proof.member_id, Member.password_hash == proof.password_hash)
    )
    if member is None:
        return None
    if proof.new_hash:
        member.password_hash = proof.new_hash
    return member


def sign_up(session: DbSession, community_id: str, account: NewAccount) -> Member:
    """A new member. Raises Conflict (`cannot-sign-up`) when another request was faster."""
    try:
        return members.create_member(
            session,
            community_id,
            email=account.email,
            password_hash=account.password_hash,
            profile={"name": account.name} if account.name else None,
        )
    except Conflict:
        raise cannot_sign_up() from None


def plans_of(session: DbSession, member_id: str) -> list[PlanLine]:
    """The member's plans that are not canceled, oldest first."""
    rows = session.execute(
        select(Plan.name, PlanConnection.status)
        .join(Plan, Plan.id == PlanConnection.plan_id)
        .where(PlanConnection.member_id == member_id, PlanConnection.status != "CANCELED")
        .order_by(PlanConnection.seq)
    )
    return [PlanLine(row.name, row.status) for row in rows]
