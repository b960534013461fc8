"""What can be done with the audit log, in terms of the session it is given."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import insert
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.audit.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which community, from where."""

    community_id: str
    type: Literal["api_key", "member", "operator", "system"]
    id: str | None
    address: str | None = None  # the IP address


def record(
    session: Session,
    actor: Actor,
    action: str,
    target_id: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Note what was done, in the transaction that does it.

    `action` is `<thing>.<past participle>` (member.created, webhook.secret_rotated). `details` name what
    changed, never secrets and nothing personal beyond ids.
    """
    session.connection().execute(
        insert(AuditEntry),
        {
            "id": ids.new_id("aud"),
            "community_id": actor.community_id,
            "at": clock.now(),
            "actor_type": actor.type,
            "actor_id": actor.id,
            "action": action,
            "target_id": target_id,
            "address": actor.address,
            "details": details or {},
        },
    )
