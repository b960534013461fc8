"""What is done about the security of an account: noted in the audit log, and what is grave told by mail."""

from typing import Any

from sqlalchemy.orm import Session

from msidp import metrics
from msidp.accounts import devices, notices
from msidp.accounts.browser import place
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.communities.guard import default_community_id
from msidp.db import transaction
from msidp.figures import service as figures
from msidp.members import service as members
from msidp.members.models import Member
from msidp.negotiation import language

CODES_TOLD = 5  # wrong codes in a quarter of an hour, after which the member hears of them


def note(
    session: Session, member_id: str | None, action: str, target_id: str | None = None, **details: Any
) -> None:
    """Note in the transaction that does it what a member did, to themselves where no target is named.

    No member: somebody asked for one with an address that nobody has.
    """
    audit.record(session, _actor(member_id), action, target_id or member_id, details)


def warn(session: Session, member: Member, action: str, notice: str, target_id: str | None = None) -> None:
    """Note it, and tell the member by mail (a `notice` of `notices`), in case it was somebody else."""
    note(session, member.id, action, target_id)
    _tell(session, member, notice)


def refused(action: str, email: str | None = None) -> None:
    """Note that somebody was not let into the account with this address, or into nobody knows which.

    The same work whether or not the address has one. However often it happens, there is one entry for an
    account in a quarter of an hour.
    """
    community_id = default_community_id()
    with transaction() as session:
        _count(session)
        member = members.find_by_email(session, community_id, email) if email is not None else None
        audit.tally(session, _actor(None), action, member.id if member else None)


def code_refused(session: Session, member: Member | None) -> None:
    """Note a wrong code of a second factor. After a few the member is told: the first factor was right."""
    _count(session)
    if member is None:  # deleted just now
        return
    if audit.tally(session, _actor(member.id), "second_factor.refused", member.id) == CODES_TOLD:
        _tell(session, member, "codes_refused")


def _count(session: Session) -> None:
    metrics.count("msidp_logins", "failed")
    figures.count(session, default_community_id(), "refused")


def _actor(member_id: str | None) -> Actor:
    return Actor(default_community_id(), "member", member_id, **place())


def _tell(session: Session, member: Member, notice: str) -> None:
    here = place()
    device = devices.describe(here["user_agent"])
    notices.tell(session, member, notice, address=here["address"], user_agent=device, language=language())
