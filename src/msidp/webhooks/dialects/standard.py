"""The standard dialect: `{type, timestamp, data}` as Standard Webhooks 1.0 recommends it, for every event.

A member's events go by Memberstack's names and carry its payloads, so that nothing is told twice.
"""

from collections.abc import Sequence
from typing import Any

from msidp import clock
from msidp.webhooks.dialects import memberpad, memberstack
from msidp.webhooks.dialects.base import (
    USER_AGENT,
    Happening,
    Heard,
    Message,
    Prepared,
    signed,
    standard_headers,
)


def hear(event: Happening) -> Heard:
    """The envelope, `timestamp` in ISO 8601 UTC; the `reason` of a member.updated stands in the data."""
    return event.type, {
        "type": event.type,
        "timestamp": clock.iso(event.occurred_at),
        "data": _data(event),
    }


def prepare(message: Message, secrets: Sequence[str], at: int) -> Prepared:
    """Nothing beyond the headers that every dialect sends."""
    return standard_headers(USER_AGENT, message, *signed(message, secrets, at)), message.body


def _data(event: Happening) -> dict[str, Any]:
    if event.type == "member.role_changed":
        return memberpad.member_data(event.data)
    data = memberstack.payload(event)
    if data is None:
        return dict(event.data)
    return data | {"reason": event.data["reason"]} if "reason" in event.data else data
