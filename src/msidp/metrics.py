"""Counters and histograms: counted in this process, added up for all processes on the queue's Valkey.

Counting is an addition under a lock. Every few seconds what has come together goes to one hash, in one round
trip, from a thread of its own; whichever process is asked for metrics reads that hash. Without Valkey the
counts wait here. Those of the last few seconds of a process that is killed are lost, and all of them when
Valkey is wiped: Prometheus takes that for a restart.
"""

import bisect
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import redis
from flask import Flask

from msidp import queue
from msidp.present import present_app
from msidp.settings import Settings

KEY = "msidp:metrics"
FLUSH_EVERY = 5.0  # seconds
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 10800.0)
_SUM = -1  # in the place of a bucket's number

Labels = tuple[str, ...]


class Series(NamedTuple):
    """One number: a counter's (no bucket), a bucket's own count, or a histogram's sum."""

    name: str
    labels: Labels
    bucket: int | None = None


class Recorder:
    """What this process counted and has not passed on yet."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._lock = threading.Lock()
        self._pending: defaultdict[Series, float] = defaultdict(float)
        self._scheduled = False

    def add(self, amounts: Iterable[tuple[Series, float]]) -> None:
        """Add to these series."""
        with self._lock:
            for series, amount in amounts:
                self._pending[series] += amount
            start, self._scheduled = not self._scheduled, True
        if start:
            timer = threading.Timer(FLUSH_EVERY, self.flush)
            timer.daemon = True
            timer.start()

    def flush(self) -> None:
        """Pass on what has come together. Without Valkey it waits for the next time."""
        with suppress(redis.RedisError, OSError):
            self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, defaultdict(float)
            self._scheduled = False
        if not pending:
            return
        try:
            with self._client.pipeline(transaction=True) as pipeline:
                for series, amount in pending.items():
                    pipeline.hincrbyfloat(KEY, json.dumps(series), amount)
                pipeline.execute()
        except (redis.RedisError, OSError):
            with self._lock:
                for series, amount in pending.items():
                    self._pending[series] += amount
            raise

    def totals(self) -> Mapping[Series, float]:
        """What all processes passed on, this one's latest included. Raises redis.RedisError."""
        self._pass_on()
        found = self._client.hgetall(KEY)
        return {_series(field): float(value) for field, value in found.items()}


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its recorder."""
    app.extensions["msidp_metrics"] = Recorder(queue.connect(settings.redis_url))


def recorder() -> Recorder:
    """This application's."""
    found: Recorder = present_app().extensions["msidp_metrics"]
    return found


def count(name: str, *labels: str) -> None:
    """Count one."""
    recorder().add([(Series(name, labels), 1)])


@lru_cache(maxsize=4096)
def series(name: str, labels: Labels, bucket: int | None = None) -> Series:
    """One that is counted often, made once."""
    return Series(name, labels, bucket)


def observed(name: str, labels: Labels, seconds: float) -> list[tuple[Series, float]]:
    """What one observation adds to a histogram."""
    bucket = bisect.bisect_left(BUCKETS, seconds)
    return [(series(name, labels, bucket), 1), (series(name, labels, _SUM), seconds)]


def all_observed(name: str, labels: Labels, seconds: Sequence[float]) -> list[tuple[Series, float]]:
    """What many observations add to it."""
    buckets = Counter(bisect.bisect_left(BUCKETS, each) for each in seconds)
    found = [(Series(name, labels, bucket), float(number)) for bucket, number in buckets.items()]
    return [*found, (Series(name, labels, _SUM), sum(seconds))]


def _series(field: bytes | str) -> Series:
    name, labels, bucket = json.loads(field)
    return Series(name, tuple(labels), bucket)


def histogram(
    totals: Mapping[Series, float], name: str
) -> dict[Labels, tuple[list[tuple[str, float]], float]]:
    """By labels: cumulative buckets as Prometheus wants them, and the sum."""
    found: dict[Labels, tuple[list[tuple[str, float]], float]] = {}
    for labels in sorted({each.labels for each in totals if each.name == name}):
        below, buckets = 0.0, []
        for number, bound in enumerate((*map(str, BUCKETS), "+Inf")):
            below += totals.get(Series(name, labels, number), 0)
            buckets.append((bound, below))
        found[labels] = buckets, totals.get(Series(name, labels, _SUM), 0)
    return found
