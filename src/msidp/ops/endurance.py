"""Keeping a part at work while Redis comes and goes."""

import time
from collections.abc import Callable

import redis
import structlog
from rq.exceptions import StopRequested

from msidp import queue

LONGEST_WAIT = 5.0  # seconds between two tries to reach Redis
_SHORTEST_WAIT = 0.1

log = structlog.get_logger(__name__)


def outlast(name: str, work: Callable[[], object]) -> None:
    """Do `work`, which ends when Redis goes, again and again until a signal has set `queue.stopping`.

    The signal's handler may raise StopRequested wherever it finds us.
    """
    log.info("started", part=name)
    wait = _SHORTEST_WAIT
    try:
        while not queue.stopping.is_set():
            begun = time.monotonic()
            try:
                work()
            except (redis.RedisError, OSError) as error:
                log.warning("the queue is away", part=name, error=str(error))
            wait = min(wait * 2, LONGEST_WAIT) if time.monotonic() - begun < LONGEST_WAIT else _SHORTEST_WAIT
            queue.stopping.wait(wait)
    except StopRequested:
        pass
    log.info("stopped", part=name)
