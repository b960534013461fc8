"""The hourly housekeeping: rows that are over are deleted, in small transactions."""

import time
from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from msidp import clock, db
from msidp.accounts import sessions
from msidp.communities import answers
from msidp.oidc import expiry

Purge = Callable[[Session, int], int]
"""Deletes some of what was over at a moment and says how many rows; 0 when nothing is left."""

PURGES: tuple[Purge, ...] = (answers.purge_expired, sessions.purge_expired, expiry.purge_expired)
BUDGET = 10.0  # seconds; the rest waits for the next hour, as deliveries wait for this

log = structlog.get_logger(__name__)


def clean() -> None:
    """Delete what is over, as long as the budget lasts."""
    deadline = time.monotonic() + BUDGET
    now = clock.now()
    deleted = 0
    for purge in PURGES:
        while time.monotonic() < deadline:
            with db.transaction() as session:
                count = purge(session, now)
            if not count:
                break
            deleted += count
    log.info("cleaned", rows=deleted)
