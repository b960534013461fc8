"""What is done about the security of an account: noted in the audit log, and what is grave told by mail."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from msidp.accounts import devices, notices
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.communities.guard import default_community_id
from msidp.members.models import Member


def note(
    session: Session, member_id: str | None, action: str, target_id: str | None = None, **details: Any
) -> None:
    """Note in the transaction that does it what a member did, to themselves where no target is named.

    No member: somebody asked for one with an address that nobody has.
    """
    actor = Actor(default_community_id(), "member", member_id, request.remote_addr)
    audit.record(session, actor, action, target_id or member_id, details)


def warn(session: Session, member: Member, action: str, notice: str, target_id: str | None = None) -> None:
    """Note it, and tell the member by mail (a `notice` of `notices`), in case it was somebody else."""
    note(session, member.id, action, target_id)
    device = devices.describe(request.user_agent.string)
    notices.tell(session, member, notice, address=request.remote_addr, user_agent=device)
