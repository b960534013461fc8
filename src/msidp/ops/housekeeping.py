"""The hourly housekeeping: keys are rotated, rows that are over deleted, in small transactions."""

import time
from collections.abc import Callable

import structlog
from flask import current_app
from sqlalchemy.orm import Session

from msidp import clock, db
from msidp.accounts import sessions
from msidp.accounts.factors import second_step
from msidp.accounts.mailed import tokens as mailed
from msidp.communities import answers
from msidp.factors import challenges
from msidp.jobs import service as jobs
from msidp.keys import rotation
from msidp.keys import service as keys
from msidp.mail import delivery as mail
from msidp.oidc import documents, expiry
from msidp.operators import factors as operator_factors
from msidp.operators import resets as operator_resets
from msidp.operators import sessions as operator_sessions
from msidp.settings import Settings
from msidp.webhooks import hours, retention

Purge = Callable[[Session, int], int]
"""Deletes some of what was over at a moment and says how many rows; 0 when nothing is left."""

PURGES: tuple[Purge, ...] = (
    retention.expunge_members,
    keys.purge_expired,
    answers.purge_expired,
    sessions.purge_expired,
    second_step.purge_expired,
    operator_sessions.purge_expired,
    operator_resets.purge_expired,
    operator_factors.second_step.purge_expired,
    challenges.purge_expired,
    mailed.purge_expired,
    expiry.purge_expired,
    documents.purge_unused,
    mail.purge_expired,
    retention.purge_attempts,
    retention.purge_deliveries,
    retention.purge_events,
    hours.purge,
    jobs.purge,
)
BUDGET = 10.0  # seconds; the rest waits for the next hour, as deliveries wait for this

log = structlog.get_logger(__name__)


def clean() -> None:
    """Rotate the keys whose time has come; delete what is over, as long as the budget lasts."""
    settings: Settings = current_app.extensions["msidp_settings"]
    rotation.rotate_worn_out(settings.key_rotation_days)
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
