"""Work in slices, each a transaction of its own, beside the deliveries.

A slice does some of the work and moves its cursor in one commit, so that a process that is killed leaves the
work between two slices, for whoever comes next.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from msidp import queue
from msidp.db import reading, transaction
from msidp.outages import Outage

BUDGET = 0.5  # seconds of one visit; the worker has deliveries to send meanwhile

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A sort of work: whether some waits (a look costs no write lock), and how one slice of it is done."""

    name: str
    waits: Callable[[Session], bool]
    do: Callable[[Session], None]


_works: list[Work] = []
_outages: dict[str, Outage] = {}


def register(work: Work) -> None:
    """Have this work gone on with, in every process that delivers."""
    if work not in _works:
        _works.append(work)


def advance(budget: float = BUDGET) -> bool:
    """Go on with what is under way, slice by slice in turn, for a while. Rings for the rest, and tells of it.

    What fails is told of in the log, and tried again at the next visit; it holds nothing else up.
    """
    deadline = time.monotonic() + budget
    waiting = list(_works)
    while waiting := [work for work in waiting if _tried(work, _waits)]:
        for work in tuple(waiting):
            if time.monotonic() > deadline or queue.stopping.is_set():
                queue.ring()
                return True
            if not _tried(work, _do):
                waiting.remove(work)
    return False


def _tried(work: Work, step: Callable[[Work], bool]) -> bool:
    """What the step says; False where it failed."""
    outage = _outages.setdefault(work.name, Outage(work.name))
    try:
        said = step(work)
    except Exception as error:
        if not outage.explains(error):
            log.exception("work does not go on", work=work.name)
        return False
    outage.is_over()
    return said


def _waits(work: Work) -> bool:
    with reading() as session:
        return work.waits(session)


def _do(work: Work) -> bool:
    with transaction() as session:
        work.do(session)
    return True
