"""RQ's cron, which asks for what is done again and again. It knows jobs by name and imports none of them."""

import logging
from contextlib import suppress
from types import FrameType

import redis
from redis.client import Pipeline
from rq.cron import CronJob, CronScheduler
from rq.exceptions import SchedulerNotFound, StopRequested
from rq.job import Job

from msidp import queue
from msidp.ops.endurance import outlast

RING_EVERY = 5  # seconds
MAIL_EVERY = 10
CLEAN_EVERY = 3600
HOUSEKEEPING = "msidp.ops.housekeeping.clean"


class Ring(CronJob):
    """The doorbell of a queue: its job where nothing waits."""

    def enqueue(self, connection: "redis.Redis") -> Job | None:  # type: ignore[override]  # RQ uses no answer
        queue.ring_once(connection, self.queue_name)
        return None


class Chore(CronJob):
    """A job by its name, in JSON; RQ's own `enqueue` would pickle it."""

    def enqueue(self, connection: "redis.Redis") -> Job:
        work = queue.queue_on(connection, self.queue_name)
        return work.enqueue(self.func_name, result_ttl=0, failure_ttl=queue.FAILURES_KEPT)


class Ticker(CronScheduler):
    """RQ's scheduler with our jobs. Any number may run: every job may be asked for twice."""

    def __init__(self, connection: "redis.Redis") -> None:
        super().__init__(connection)
        self._cron_jobs = [
            Ring(queue.WEBHOOKS, func_name=queue.DRAIN, interval=RING_EVERY),
            Ring(queue.MAIL, func_name=queue.POST, interval=MAIL_EVERY),
            Chore(queue.HOUSEKEEPING, func_name=HOUSEKEEPING, interval=CLEAN_EVERY),
        ]

    def _request_stop(self, signum: int, frame: FrameType | None) -> None:
        queue.stopping.set()
        raise StopRequested

    def register_death(self, pipeline: Pipeline | None = None) -> None:
        """Sign off, where the queue was not wiped in the meantime."""
        with suppress(SchedulerNotFound):
            super().register_death(pipeline)


def run_ticker(redis_url: str) -> None:
    """Tick until a signal asks to stop."""
    logging.getLogger("rq.cron").setLevel(logging.CRITICAL)
    connection = queue.connect(redis_url)
    outlast("cron", lambda: Ticker(connection).start())  # type: ignore[no-untyped-call]  # RQ does not say it returns nothing
