"""When an endpoint is first told: the start of this application's retry schedule."""

from flask import current_app

from msidp import clock
from msidp.settings import Settings


def first_due(now: int) -> int:
    """When a delivery made now is attempted first; at once, as the schedule stands by default."""
    settings: Settings = current_app.extensions["msidp_settings"]
    return now + round(settings.webhook_retry_schedule[0] * clock.SECOND)
