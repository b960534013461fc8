"""Figures of attempts by endpoint and hour, for charts: how they ended, how soon they were answered.

They are added up in the transaction that records the attempts, a row for each endpoint of a batch, so that a
chart reads a few hundred rows however long the log is. Latencies are kept as counts of 12 spans of time, of
which percentiles are told nearly.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.figures.adding import add_up
from msidp.prepared import Core
from msidp.webhooks.catalogue import LOGOUT
from msidp.webhooks.models import EndpointHour, WebhookEndpoint

BOUNDS = (10, 25, 50, 100, 200, 350, 500, 1_000, 2_000, 5_000, 10_000)  # milliseconds; the last span is open
STATUSES = ("succeeded", "failed", "exhausted")
KEPT = 400 * clock.DAY
SPANS = tuple(f"t{number}" for number in range(len(BOUNDS) + 1))
_COLUMNS = (*STATUSES, *SPANS)
_PLACE = {name: number for number, name in enumerate(_COLUMNS)}


Figure = tuple[str, int, str, int | None]
"""One attempt: at which endpoint, when it ended, what became of its delivery, how soon it was answered."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The figures of one hour, or of several added up; `at` is the first millisecond."""

    at: int
    succeeded: int
    failed: int
    exhausted: int
    spans: Sequence[int]

    @property
    def attempts(self) -> int:
        """How many there were."""
        return self.succeeded + self.failed + self.exhausted

    @property
    def success(self) -> float | None:
        """The share of attempts that succeeded, from 0 to 1."""
        return self.succeeded / self.attempts if self.attempts else None

    def percentile(self, share: float) -> int | None:
        """Within how many milliseconds this share of the attempts was answered, nearly."""
        return percentile(self.spans, share)


def add(core: Core, figures: Iterable[Figure]) -> None:
    """Add these attempts to their hours. The last thing in a transaction, for the rows are everybody's."""
    found: dict[tuple[str, int], list[int]] = {}
    for endpoint_id, at, status, answered_in in figures:
        key = endpoint_id, at - at % clock.HOUR
        row = found.get(key)
        if row is None:
            row = found[key] = [0] * len(_COLUMNS)
        row[_PLACE[status]] += 1
        if answered_in is not None:
            row[len(STATUSES) + bisect_left(BOUNDS, answered_in)] += 1
    rows = [
        {"endpoint_id": endpoint_id, "hour": hour, **dict(zip(_COLUMNS, row, strict=True))}
        for (endpoint_id, hour), row in sorted(found.items())
    ]
    add_up(core, EndpointHour, rows)


def read(session: Session, community_id: str, since: int, endpoint_id: str | None = None) -> list[Hour]:
    """The hours of one endpoint, or of all of the community's webhooks, oldest first. Some come in parts."""
    columns = (getattr(EndpointHour, name) for name in _COLUMNS)
    statement = (
        select(EndpointHour.hour, *columns)
        .join(WebhookEndpoint, WebhookEndpoint.id == EndpointHour.endpoint_id)
        .where(WebhookEndpoint.community_id == community_id, WebhookEndpoint.dialect != LOGOUT)
        .where(EndpointHour.hour >= since - since % clock.HOUR)
        .order_by(EndpointHour.hour)
    )
    if endpoint_id is not None:
        statement = statement.where(EndpointHour.endpoint_id == endpoint_id)
    return [Hour(row[0], row[1], row[2], row[3], row[4:]) for row in session.execute(statement)]


def added_up(parts: Iterable[Hour], at: int) -> Hour:
    """All of these together."""
    rows = [(part.succeeded, part.failed, part.exhausted, *part.spans) for part in parts]
    sums = [sum(column) for column in zip(*rows, strict=True)] or [0] * len(_COLUMNS)
    return Hour(at, sums[0], sums[1], sums[2], sums[3:])


def percentile(spans: Sequence[int], share: float) -> int | None:
    """The value that this share of the counted ones does not exceed, in a straight line within its span."""
    wanted = share * sum(spans)
    if not wanted:
        return None
    passed = 0
    for number, count in enumerate(spans):
        if count and passed + count >= wanted:
            low = BOUNDS[number - 1] if number else 0
            high = BOUNDS[number] if number < len(BOUNDS) else 2 * BOUNDS[-1]
            return round(low + (high - low) * (wanted - passed) / count)
        passed += count
    return 2 * BOUNDS[-1]


def purge(session: Session, now: int) -> int:
    """Delete the hours that are older than 400 days. Returns how many."""
    return session.connection().execute(delete(EndpointHour).where(EndpointHour.hour < now - KEPT)).rowcount
