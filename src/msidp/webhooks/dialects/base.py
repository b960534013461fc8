"""What the dialects have in common: what they hear, and what goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

from msidp import clock
from msidp.webhooks import signing

USER_AGENT = f"msidp/{version('msidp')}"

Heard = tuple[str, dict[str, Any]]
"""What a dialect calls an event, and the envelope in which it tells of it."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as it was recorded, in no dialect. `data` has the shape that `outbox.record` describes."""

    type: str
    occurred_at: int
    community_id: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Message:
    """What is sent at every attempt of a delivery. `name` is the event's type in the dialect's words."""

    event_id: str
    delivery_id: str
    name: str
    body: bytes


Prepared = tuple[dict[str, str], bytes]
"""An attempt as it goes out: every header but the endpoint's own custom ones, and the body."""


class Dialect(Protocol):
    """What each file of this package offers."""

    def hear(self, event: Happening, /) -> Heard | None:
        """How the dialect tells of this event; None where it is not part of its vocabulary."""

    def prepare(self, message: Message, secrets: Sequence[str], at: int, /) -> Prepared:
        """An attempt at this moment. `secrets` are the endpoint's in force, newest first."""


def signed(message: Message, secrets: Sequence[str], at: int) -> tuple[str, list[str]]:
    """The timestamp in seconds, and a signature of each secret (Standard Webhooks 1.0)."""
    timestamp = clock.seconds(at)
    return str(timestamp), [
        signing.sign(secret, message.event_id, timestamp, message.body) for secret in secrets
    ]


def standard_headers(
    user_agent: str, message: Message, timestamp: str, signatures: Sequence[str]
) -> dict[str, str]:
    """The headers that ride on every delivery of every dialect: one signature of each secret in force."""
    return {
        "Content-Type": "application/json",
        "User-Agent": user_agent,
        "webhook-id": message.event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
