"""How often a community may register a webhook or send a Test ping: enough for people, too slow for a scan.

Counted in fixed windows on the queue's Valkey, before the transaction begins; without it nothing is refused.
"""

import redis
import structlog
from flask import current_app

from msidp import queue
from msidp.errors import TooManyRequests
from msidp.settings import Settings

WINDOW = 60  # seconds
LIMITS = {"register": 100, "test": 60}  # in a window

log = structlog.get_logger(__name__)


def count(community_id: str, act: str) -> None:
    """Count one act. Raises TooManyRequests with Retry-After once there were too many."""
    settings: Settings = current_app.extensions["msidp_settings"]
    if not settings.rate_limits:
        return
    key = f"msidp:webhooks:{act}:{community_id}"
    try:
        with queue.connection().pipeline(transaction=True) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, WINDOW, nx=True)
            pipeline.ttl(key)
            acts, _, wait = pipeline.execute()
    except redis.RedisError as error:
        log.warning("the throttle of webhooks cannot be read", error=str(error))
        return
    if acts > LIMITS[act]:
        message = "Too many webhooks were registered or tested. Please wait a minute."
        raise TooManyRequests("too-many-attempts", message, headers={"Retry-After": str(max(wait, 1))})
