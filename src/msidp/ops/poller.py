"""The worker that needs no Redis: it looks into the database itself, again and again."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

import structlog

from msidp import queue
from msidp.mail import postman
from msidp.ops import housekeeping, ticker
from msidp.outages import cause_of, is_away
from msidp.webhooks import drain

LOOK_EVERY = 0.25  # seconds between two looks for deliveries; more often while there are some

log = structlog.get_logger(__name__)


class Round(NamedTuple):
    """Something that is done again and again."""

    work: Callable[[], object]
    every: float


ROUNDS = (
    Round(drain.wake, LOOK_EVERY),
    Round(postman.post, 1.0),
    Round(housekeeping.clean, ticker.CLEAN_EVERY),
)


def run_poller() -> None:
    """Work in the present application context until a signal asks to stop. Any number may run at once."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    log.info("started", part="worker", polling=True)
    due = dict.fromkeys(ROUNDS, 0.0)
    while not queue.stopping.is_set():
        for round_, moment in due.items():
            if time.monotonic() >= moment and not queue.stopping.is_set():
                _do(round_.work)
                due[round_] = time.monotonic() + round_.every
        queue.stopping.wait(max(0.0, min(due.values()) - time.monotonic()))
    drain.finish()
    postman.finish()
    log.info("stopped", part="worker")


def _do(work: Callable[[], object]) -> None:
    """One turn. What went wrong is tried again at the next one."""
    try:
        work()
    except Exception as error:
        if not is_away(error):
            log.exception("a round failed", work=work.__qualname__)
        else:
            log.warning("a round failed", work=work.__qualname__, error=cause_of(error))
        queue.stopping.wait(1.0)


def _stop(_number: int, _frame: FrameType | None) -> None:
    queue.stopping.set()
