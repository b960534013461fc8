"""The audit log as the Admin API shows it."""

from typing import Any

from msidp import clock
from msidp.audit.models import AuditEntry
from msidp.exports import Export


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """One entry."""
    return {
        "id": entry.id,
        "at": clock.iso(entry.at),
        "lastAt": clock.iso(entry.last_at or entry.at),
        "count": entry.count,
        "action": entry.action,
        "actor": {
            "type": entry.actor_type,
            "id": entry.actor_id,
            "address": entry.address,
            "userAgent": entry.user_agent,
        },
        "targetId": entry.target_id,
        "memberId": entry.member_id,
        "details": entry.details,
    }


EXPORT = Export(
    "audit-log",
    AuditEntry,
    entry_json,
    ("id", "at", "action", "actor.type", "actor.id", "actor.address", "targetId", "details"),
)
