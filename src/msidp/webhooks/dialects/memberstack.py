"""Memberstack's dialect: `{event, timestamp, payload, reason?}`, signed under Svix's header names.

Its admin package throws at two signatures in one header, so `svix-signature` holds the newest secret's.
"""

from collections.abc import Sequence
from typing import Any

from msidp.webhooks.catalogue import PING
from msidp.webhooks.dialects.base import (
    USER_AGENT,
    Happening,
    Heard,
    Message,
    Prepared,
    signed,
    standard_headers,
)

_PLAN_EVENTS = ("member.plan.created", "member.plan.updated", "member.plan.canceled")


def hear(event: Happening) -> Heard | None:
    """The envelope; `timestamp` in milliseconds, `reason` (of a member.updated) beside the payload."""
    told = payload(event)
    if told is None:
        return None
    envelope: dict[str, Any] = {"event": event.type, "timestamp": event.occurred_at, "payload": told}
    if "reason" in event.data:
        envelope["reason"] = event.data["reason"]
    return event.type, envelope


def payload(event: Happening) -> dict[str, Any] | None:
    """What Memberstack's webhooks say of this event; None where they know no such event.

    A plan's payload serves both of its documentations: the member's id at the top, and the member.
    """
    data = event.data
    if event.type in ("member.created", "member.updated"):
        return dict(data["member"])
    if event.type == "member.deleted":
        return {"id": data["member"]["id"]}
    if event.type in _PLAN_EVENTS:
        plan = {
            "id": data["member"]["id"],
            "member": data["member"],
            "planConnection": data["planConnection"],
        }
        if "prevPlanConnection" in data:
            plan["prevPlanConnection"] = data["prevPlanConnection"]
        return plan
    return dict(data) if event.type == PING else None


def prepare(message: Message, secrets: Sequence[str], at: int) -> Prepared:
    """Svix's names besides, as `verifyWebhookSignature` reads them."""
    timestamp, signatures = signed(message, secrets, at)
    headers = standard_headers(USER_AGENT, message, timestamp, signatures)
    headers["svix-id"] = message.event_id
    headers["svix-timestamp"] = timestamp
    headers["svix-signature"] = signatures[0]
    return headers, message.body
