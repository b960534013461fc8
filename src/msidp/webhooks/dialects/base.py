"""What the dialects have in common: what they hear, and what goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at every attempt of a delivery. `name` is the event's type in the dialect's words."""

    event_id: str
    delivery_id: str
    name: str
    body: bytes


class Dialect(Protocol):
    """What each file of this package offers."""

    USER_AGENT: str

    def hear(self, event: Happening, /) -> Heard | None:
        """How the dialect tells of this event; None where it is not part of its vocabulary."""

    def own_headers(
        self, message: Message, secrets: Sequence[str], at: int, signatures: Sequence[str], /
    ) -> dict[str, str]:
        """The headers beyond Standard Webhooks', whose signatures are given, newest secret first."""
