"""Attempts that ended, and what the log keeps of each: a row, made as cheaply as one can."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection

from msidp.outbound.exchange import Reply, remembering
from msidp.webhooks.claim import Claimed, Target
from msidp.webhooks.lists import insert_many
from msidp.webhooks.models import Attempt

MAX_HEADERS = 60  # response headers kept
MAX_HEADER = 1_000  # characters kept of each
_COLUMNS = (
    "delivery_id", "number", "at", "status", "latency_ms", "first_byte_ms",
    "request_headers", "response_headers", "response_excerpt", "manual",
)  # fmt: skip
_SELDOM = ("dns_ms", "connect_ms", "tls_ms", "error")  # null where a kept connection brought a 2xx
_NONE = (None,) * len(_SELDOM)


@dataclass(slots=True)
class Outcome:
    """One attempt that ended. `headers` are the request's as the log may show them."""

    claimed: Claimed
    target: Target
    headers: Mapping[str, str]
    at: int
    reply: Reply

    @property
    def ended_at(self) -> int:
        """When the answer was there, or the lack of one certain."""
        return self.at + self.reply.latency_ms


def log(connection: Connection, outcomes: Iterable[Outcome]) -> None:
    """Write one row for each.

    What is null for most is not mentioned for them: sqlite3 takes longer to bind a None than a text.
    """
    usual, others = [], []
    for outcome in outcomes:
        row, seldom = _row(outcome), _seldom(outcome.reply)
        if seldom == _NONE:
            usual.append(row)
        else:
            others.append(row + seldom)
    insert_many(connection, Attempt, _COLUMNS, usual)
    insert_many(connection, Attempt, _COLUMNS + _SELDOM, others)


def read_head(head: Iterable[bytes]) -> dict[str, str]:
    """A response's header lines as the log keeps them: by name, repeated ones joined, long ones cut."""
    headers: dict[str, str] = {}
    for line in head:
        name, colon, value = line.partition(b":")
        if colon and len(headers) < MAX_HEADERS:
            key = _text(name.strip(), "latin-1")[:MAX_HEADER]
            text = _text(value.strip(), "latin-1")
            headers[key] = (f"{headers[key]}, {text}" if key in headers else text)[:MAX_HEADER]
    return headers


def header(head: Iterable[bytes], wanted: str) -> str | None:
    """The value of a response's header, whose name is given in lower case; None where it has none."""
    for line in head:
        name, _, value = line.partition(b":")
        if name.strip().lower() == wanted.encode():
            return value.strip().decode("latin-1")
    return None


def _row(outcome: Outcome) -> tuple[Any, ...]:
    """The values of `_COLUMNS`."""
    claimed, reply = outcome.claimed, outcome.reply
    answered = reply.status is not None
    return (
        claimed.delivery_id,
        claimed.attempt_count + 1,
        outcome.at,
        reply.status,
        reply.latency_ms,
        reply.timings.first_byte,
        to_json(outcome.headers).decode(),
        _head_json(reply.head) if answered else None,
        _text(reply.excerpt) if answered else None,
        claimed.manual,
    )


def _seldom(reply: Reply) -> tuple[Any, ...]:
    """The values of `_SELDOM`."""
    return reply.timings.dns, reply.timings.connect, reply.timings.tls, reply.error


@remembering
def _head_json(head: tuple[bytes, ...]) -> str:
    return json.dumps(read_head(head))


def _text(raw: bytes, encoding: str = "utf-8") -> str:
    """Bytes of a stranger as text that every database holds."""
    return raw.decode(encoding, "replace").replace("\0", "\ufffd")
