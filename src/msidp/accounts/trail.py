"""What members do about the security of their accounts, noted in the audit log."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.communities.guard import default_community_id


def note(session: Session, member_id: str, action: str, target_id: str | None = None, **details: Any) -> None:
    """Note in the transaction that does it what a member did, to themselves where no target is named."""
    actor = Actor(default_community_id(), "member", member_id, request.remote_addr)
    audit.record(session, actor, action, target_id or member_id, details)
