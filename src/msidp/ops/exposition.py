"""Metrics as Prometheus reads them: counts of all processes, and the database's present state.

Of the database only indexes are read, and no more than OPEN_AT_MOST rows of them, however large the log is.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from sqlalchemy import case, func, select
from sqlalchemy.exc import SQLAlchemyError

from msidp import clock, metrics
from msidp.db import reading
from msidp.ops import diagnosis
from msidp.webhooks import log, service
from msidp.webhooks.models import Delivery, WebhookEndpoint

OPEN_AT_MOST = 100_000  # open deliveries counted
_COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "msidp_webhook_attempts": ("Delivery attempts, by what came of them.", ("dialect", "result")),
    "msidp_webhook_deliveries": (
        "Deliveries that were settled: succeeded or exhausted.",
        ("dialect", "outcome"),
    ),
    "msidp_http_requests": ("Requests answered.", ("endpoint", "method", "status")),
    "msidp_logins": ("Log-ins of members: succeeded or failed.", ("outcome",)),
}
_HISTOGRAMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "msidp_webhook_delivery_seconds": (
        "From the commit that recorded a delivery to its success.",
        ("dialect",),
    ),
    "msidp_http_request_seconds": ("Time spent on a request.", ("endpoint",)),
}


class _Collector:
    """Gathers everything at the moment it is asked."""

    def collect(self) -> Iterator[Metric]:
        yield _build_info()
        yield from _queue()
        yield from _database()


def exposition() -> bytes:
    """The text of /metrics. Needs an application context."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    return generate_latest(registry)


def _build_info() -> Metric:
    family = GaugeMetricFamily("msidp_build_info", "The version that answers.", labels=["version"])
    family.add_metric([version("msidp")], 1)
    return family


def _gauge(name: str, words: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, words)
    if value is not None:
        family.add_metric([], value)
    return family


def _queue() -> Iterator[Metric]:
    """What only the queue knows. It is waited for once."""
    totals: Mapping[metrics.Series, float] | None = None
    with suppress(redis.RedisError, OSError):
        totals = metrics.recorder().totals()
    up = totals is not None
    yield _gauge("msidp_queue_up", "Whether the queue answers, on which counts are added up.", up)
    workers = diagnosis.workers_at_work() if up else None
    yield _gauge("msidp_workers", "Workers that take work from the queue.", workers)
    if totals is not None:
        yield from _counted(totals)


def _counted(totals: Mapping[metrics.Series, float]) -> Iterator[Metric]:
    for name, (words, labels) in _COUNTERS.items():
        counter = CounterMetricFamily(name, words, labels=labels)
        for series, value in sorted(totals.items(), key=lambda item: item[0].labels):
            if series.name == name:
                counter.add_metric(series.labels, value)
        yield counter
    for name, (words, labels) in _HISTOGRAMS.items():
        family = HistogramMetricFamily(name, words, labels=labels)
        for values, (buckets, total) in metrics.histogram(totals, name).items():
            family.add_metric(values, buckets, total)
        yield family


def _database() -> Iterator[Metric]:
    now = clock.now()
    try:
        with reading() as session:
            is_open = Delivery.due_at.is_not(None)  # what the index is of
            lag = log.lag(session, now)
            some = select(Delivery.seq).where(is_open).limit(OPEN_AT_MOST)
            waiting = session.scalar(select(func.count()).select_from(some.subquery()))
            soon = (
                Delivery.endpoint_id.in_(select(WebhookEndpoint.id)),  # what the index begins with
                Delivery.due_at > now,
                Delivery.due_at <= now + 3 * clock.MINUTE,
            )  # a lease lasts no longer
            held = select(Delivery.lease_token).where(*soon).limit(OPEN_AT_MOST).subquery()
            in_flight = session.scalar(select(func.count(held.c.lease_token)))
            state = case(
                (WebhookEndpoint.enabled.is_(False), "disabled"),
                (WebhookEndpoint.failing_since.is_not(None), "failing"),
                else_="healthy",
            )
            kept = select(state, func.count()).where(*service.shown()).group_by(state)
            endpoints = {name: count for name, count in session.execute(kept)}  # noqa: C416  # dict(rows) is not typed
    except SQLAlchemyError:
        yield _gauge("msidp_database_up", "Whether the database answers.", 0)
        return
    yield _gauge("msidp_database_up", "Whether the database answers.", 1)
    words = "How long the oldest due delivery has waited."
    yield _gauge("msidp_webhook_queue_lag_seconds", words, lag / clock.SECOND)
    words = f"Deliveries that are not settled; counted up to {OPEN_AT_MOST:,}."
    yield _gauge("msidp_webhook_deliveries_open", words, waiting)
    yield _gauge("msidp_webhook_deliveries_in_flight", "Deliveries in a worker's hands.", in_flight)
    family = GaugeMetricFamily("msidp_webhook_endpoints", "Webhooks, by how they fare.", labels=["state"])
    for name in ("healthy", "failing", "disabled"):
        family.add_metric([name], endpoints.get(name, 0))
    yield family
