"""The one clock. Every moment in msidp is an integer: milliseconds since 1970 UTC."""

import time
from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LAST = 253_402_300_799_999  # the end of the year 9999


def now() -> int:
    """The present moment in milliseconds."""
    return time.time_ns() // 1_000_000


def seconds(moment: int) -> int:
    """A moment in whole seconds, as JOSE's NumericDate and the webhook headers want it."""
    return moment // SECOND


def iso(moment: int) -> str:
    """A moment in ISO 8601 UTC with milliseconds, the form of JavaScript's `toISOString`."""
    text = datetime.fromtimestamp(moment / SECOND, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def iso_or_none(moment: int | None) -> str | None:
    """`iso` for a moment that may not have come: None stays None."""
    return None if moment is None else iso(moment)


def parse_iso(text: str) -> int:
    """Read an ISO 8601 moment that carries a zone.

    Raises ValueError for anything else, a moment without a zone included.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an ISO 8601 moment needs a zone, e.g. 2026-03-28T14:30:00Z")
    return round(moment.timestamp() * SECOND)
