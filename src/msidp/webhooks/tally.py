"""What the metrics say of attempts: counted once their outcomes have been committed."""

from collections import defaultdict
from collections.abc import Sequence

from msidp import clock, metrics
from msidp.metrics import Series
from msidp.webhooks.settle import Recorded

ATTEMPTS = "msidp_webhook_attempts"
DELIVERIES = "msidp_webhook_deliveries"
LATENCY = "msidp_webhook_delivery_seconds"


def count(recorded: Sequence[Recorded]) -> None:
    """Count these attempts, and the deliveries that were settled by them."""
    ends: defaultdict[tuple[str, str | None, str], int] = defaultdict(int)
    waits = defaultdict(list)
    for outcome, status in recorded:
        dialect, error = outcome.claimed.dialect, outcome.reply.error
        ends[dialect, error, status] += 1
        if error is None:
            took = outcome.ended_at - outcome.claimed.created_at
            waits[dialect].append(max(0, took))  # clocks are set back, and sums never fall
    found: list[tuple[Series, float]] = []
    for (spoken, error, status), number in ends.items():
        found.append((Series(ATTEMPTS, (_dialect(spoken), error or "success")), number))
        if status != "failed":
            found.append((Series(DELIVERIES, (_dialect(spoken), status)), number))
    for spoken, waited in waits.items():
        found += metrics.all_observed(LATENCY, (_dialect(spoken),), [each / clock.SECOND for each in waited])
    metrics.recorder().add(found)


def _dialect(spoken: str) -> str:
    return spoken.partition(".")[0]
