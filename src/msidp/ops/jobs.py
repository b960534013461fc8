"""The RQ worker: one job after the other in this process, with Redis or without."""

import logging
import threading
from types import FrameType
from typing import Any

import redis
import structlog
from flask import Flask
from redis.client import Pipeline
from rq import Queue, SimpleWorker, worker_registration
from rq.exceptions import InvalidJobOperation, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from msidp import queue
from msidp.mail import postman
from msidp.ops.endurance import LONGEST_WAIT, outlast
from msidp.outages import cause_of, is_away
from msidp.present import present_app
from msidp.webhooks import drain

LISTEN = 20  # seconds of one blocking read
LOOK_EVERY = 5.0  # seconds between looks for deliveries that nobody rang for

log = structlog.get_logger(__name__)


class Worker(SimpleWorker):
    """RQ's worker without the fork, and without orders from Redis.

    A signal stops it warmly: `queue.stopping` tells a job in hand to come to its end.
    """

    max_connection_wait_time = LONGEST_WAIT

    def __init__(self, connection: "redis.Redis") -> None:
        super().__init__(
            [queue.queue_on(connection, name) for name in queue.BY_URGENCY],
            connection=connection,
            serializer=JSONSerializer,
            default_result_ttl=0,
            worker_ttl=LISTEN + 15,  # RQ listens for 15 seconds less than that
            log_job_description=False,
        )

    def _set_ip_address(self, connection: "redis.Redis") -> None:
        """Ask nothing: CLIENT INFO, which RQ would read, cannot tell a socket's path with a space in it."""
        self.ip_address = "unknown"

    def bootstrap(self, *arguments: Any) -> None:
        """Hear signals first: deliveries go out while Redis is away, and RQ listens once it has answered."""
        self._install_signal_handlers()  # type: ignore[no-untyped-call]  # RQ does not say
        self._stop_requested = queue.stopping.is_set()
        super().bootstrap(*arguments)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say that we are there, and again who: a Redis that came back empty has forgotten it."""
        if pipeline is None:
            with self.connection.pipeline(transaction=False) as together:
                self.heartbeat(timeout, together)
                together.execute()
            return
        super().heartbeat(timeout, pipeline)
        worker_registration.register(self, pipeline)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the job in hand, or end at once where there is none. To ask again changes nothing."""
        if queue.stopping.is_set():
            return  # what is in flight is being waited for
        queue.stopping.set()
        self._stop_requested = True
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested

    def handle_execution_ended(self, job: Job, queue_: Queue, heartbeat_ttl: int) -> None:
        """Do not wait, once asked to stop, for a Redis that hangs as long as one who listens does."""
        if queue.stopping.is_set():
            self.connection = job.connection = queue_.connection = queue.connection()
        super().handle_execution_ended(job, queue_, heartbeat_ttl)

    def register_death(self) -> None:
        """Likewise, whatever made it end."""
        self.connection = queue.connection()
        super().register_death()  # type: ignore[no-untyped-call]  # RQ does not say

    def subscribe(self) -> None:
        """Take no commands from Redis; whoever can write there should not be able to stop us."""

    def unsubscribe(self) -> None:
        """See `subscribe`."""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log why a job failed. It is not tried again: cron rings anyway.

        In one line where the database is away, or the queue was wiped under the job.
        """
        error = exc_info[1]
        if is_away(error) or isinstance(error, InvalidJobOperation):
            log.warning("job failed", job=job.func_name, error=cause_of(error))
        else:
            log.error("job failed", job=job.func_name, exc_info=exc_info)


def new_worker(redis_url: str) -> Worker:
    """A worker on a connection of its own: RQ has it wait for answers as long as the worker listens."""
    return Worker(queue.connect(redis_url, timeout=LISTEN + 10))


def run_worker(redis_url: str) -> None:
    """Work in the present application context until a signal asks to stop."""
    app = present_app()
    threading.Thread(target=_look_anyway, args=(app,), name="looks", daemon=True).start()
    rq = logging.getLogger("rq.worker")
    rq.setLevel(logging.ERROR)
    rq.addFilter(_is_news)
    outlast("worker", lambda: new_worker(redis_url).work(logging_level=None))
    drain.finish()
    postman.finish()


def _look_anyway(app: Flask) -> None:
    """Deliveries wait neither for a queue that is away, or hangs, nor for cron."""
    with app.app_context():
        while not queue.stopping.wait(LOOK_EVERY):
            drain.look()


def _is_news(record: logging.LogRecord) -> bool:
    """Whether RQ tells more than that Redis is away, which `outlast` logs without a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], redis.RedisError))
