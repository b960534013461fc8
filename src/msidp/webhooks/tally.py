"""What the metrics say of attempts: counted once their outcomes have been committed."""

from collections.abc import Sequence

from msidp import clock, metrics
from msidp.metrics import Series
from msidp.webhooks.settle import Outcome, Recorded

ATTEMPTS = "msidp_webhook_attempts"
DELIVERIES = "msidp_webhook_deliveries"
LATENCY = "msidp_webhook_delivery_seconds"


def count(recorded: Sequence[Recorded]) -> None:
    """Count these attempts, and the deliveries that were settled by them."""
    found: list[tuple[Series, float]] = []
    for outcome, status in recorded:
        dialect = _dialect(outcome)
        found.append((Series(ATTEMPTS, (dialect, outcome.reply.error or "success")), 1))
        if status != "failed":
            found.append((Series(DELIVERIES, (dialect, status)), 1))
        if outcome.reply.error is None:
            waited = outcome.at + outcome.reply.latency_ms - outcome.claimed.created_at
            found += metrics.observed(LATENCY, (dialect,), waited / clock.SECOND)
    metrics.recorder().add(found)


def _dialect(outcome: Outcome) -> str:
    return outcome.claimed.dialect.partition(".")[0]
