"""The queue: one Redis connection pool a process, and RQ queues with a JSON serializer.

The queue holds no truth. Everything on it can be lost and is found again in the database.
"""

from functools import cache

import redis
from flask import Flask, current_app
from rq import Queue
from rq.serializers import JSONSerializer

from msidp.settings import Settings

WEBHOOKS = "webhooks"


def init_app(app: Flask, settings: Settings) -> None:
    """Remember where the queue is. Nothing connects until something is asked of it."""
    app.extensions["msidp_redis"] = connect(settings.redis_url)


def connection() -> "redis.Redis":
    """This app's connection to Redis or Valkey."""
    client: redis.Redis = current_app.extensions["msidp_redis"]
    return client


@cache
def connect(url: str) -> "redis.Redis":
    """A client for this URL, one a process; short time-outs, for a web request may wait on it."""
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1, health_check_interval=30)


def queue(name: str) -> Queue:
    """An RQ queue. JSON, because unpickling what a queue holds would run whatever was put there."""
    return Queue(name, connection=connection(), serializer=JSONSerializer)
