"""MemberPad's dialect: `{event, timestamp, communityId, data}`, the body signed with the whole secret."""

from collections.abc import Mapping, Sequence
from typing import Any

from msidp import clock
from msidp.webhooks import signing
from msidp.webhooks.catalogue import PING, TYPES
from msidp.webhooks.dialects.base import Happening, Heard, Message, Prepared, signed, standard_headers

USER_AGENT = "MemberPad-Webhook/1.0"

_NAMES = {
    "member.created": "member.joined",
    "member.deleted": "member.left",
    "member.role_changed": "member.role_changed",
    "member.plan.created": "subscription.created",
    "member.plan.canceled": "subscription.cancelled",
}


def hear(event: Happening) -> Heard | None:
    """The envelope, `timestamp` in ISO 8601 UTC. A member.updated is not part of this vocabulary."""
    if event.type == PING or (event.type in TYPES and TYPES[event.type].published):
        return event.type, _envelope(event.type, event, dict(event.data))
    name = _name(event)
    return None if name is None else (name, _envelope(name, event, member_data(event.data)))


def prepare(message: Message, secrets: Sequence[str], at: int) -> Prepared:
    """MemberPad's four headers besides. Its signature has room for one secret: the newest."""
    headers = standard_headers(USER_AGENT, message, *signed(message, secrets, at))
    headers["X-MemberPad-Signature"] = signing.sign_body(secrets[0], message.body)
    headers["X-MemberPad-Event"] = message.name
    headers["X-MemberPad-Delivery"] = message.delivery_id
    headers["X-MemberPad-Timestamp"] = clock.iso(at)
    return headers, message.body


def member_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """What MemberPad tells of a member, and of the role or the plan that changed."""
    told = {
        "memberId": data["member"]["id"],
        "displayName": data["displayName"],
        "email": data["member"]["auth"]["email"],
        "planName": data["planName"],
    }
    if "role" in data:
        told |= {"role": data["role"], "previousRole": data["previousRole"]}
    if "planConnection" in data:
        told |= _subscription(data["planConnection"])
    if "prevPlanConnection" in data:
        previous = data["prevPlanConnection"]
        told |= {
            "previousPlanId": previous["planId"],
            "previousPlanName": previous["planName"],
            "previousStatus": previous["status"],
        }
    return told


def _envelope(name: str, event: Happening, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "event": name,
        "timestamp": clock.iso(event.occurred_at),
        "communityId": event.community_id,
        "data": data,
    }


def _name(event: Happening) -> str | None:
    if event.type == "member.plan.updated":
        return "subscription.renewed" if event.data["renewed"] else "subscription.plan_changed"
    return _NAMES.get(event.type)


def _subscription(connection: Mapping[str, Any]) -> dict[str, Any]:
    next_billing = (connection["payment"] or {}).get("nextBillingDate")  # in seconds
    return {
        "planId": connection["planId"],
        "connectionId": connection["id"],
        "status": connection["status"],
        "nextBillingDate": None if next_billing is None else clock.iso(next_billing * clock.SECOND),
    }
