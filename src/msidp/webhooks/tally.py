"""What the metrics say of attempts: counted once their outcomes have been committed."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from msidp import clock, metrics
from msidp.metrics import Series
from msidp.webhooks.settle import Recorded

ATTEMPTS = "msidp_webhook_attempts"
DELIVERIES = "msidp_webhook_deliveries"
LATENCY = "msidp_webhook_delivery_seconds"


def count(recorded: Sequence[Recorded]) -> None:
    """Count these attempts, and the deliveries that were settled by them."""
    found: list[tuple[Series, float]] = []
    ends = Counter((outcome.claimed.dialect, outcome.reply.error, status) for outcome, status in recorded)
    for (spoken, error, status), number in ends.items():
        found.append((Series(ATTEMPTS, (_dialect(spoken), error or "success")), number))
        if status != "failed":
            found.append((Series(DELIVERIES, (_dialect(spoken), status)), number))
    waits = defaultdict(list)
    for outcome, _ in recorded:
        claimed, reply = outcome.claimed, outcome.reply
        if reply.error is None:
            took = outcome.at + reply.latency_ms - claimed.created_at
            waits[claimed.dialect].append(max(0, took))  # clocks are set back, and sums never fall
    for spoken, waited in waits.items():
        found += metrics.all_observed(LATENCY, (_dialect(spoken),), [each / clock.SECOND for each in waited])
    metrics.recorder().add(found)


def _dialect(spoken: str) -> str:
    return spoken.partition(".")[0]
