"""The queue: one Redis connection pool a process, and RQ queues with a JSON serializer.

The queue holds no truth. Everything on it can be lost and is found again in the database.
"""

import threading
import time
from contextlib import suppress
from functools import cache
from typing import Self

import redis
from flask import Flask, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from msidp.settings import Settings

WEBHOOKS = "webhooks"
DRAIN = "msidp.webhooks.drain.drain"
MAIL = "mail"
POST = "msidp.mail.postman.post"
HOUSEKEEPING = "housekeeping"
BY_URGENCY = (MAIL, HOUSEKEEPING, WEBHOOKS)  # an hour's one job does not wait behind bells, however many
_BELLS = {WEBHOOKS: DRAIN, MAIL: POST}  # the job that a queue's doorbell asks for
FAILURES_KEPT = 3600  # seconds that RQ remembers a failed job for
HEARD_AT_ONCE = 100  # rings: whoever rings without a pause is not listened to without an end
QUIET_AFTER_FAILURE = 5.0  # seconds in which nobody else waits for a queue that is away

stopping = threading.Event()
"""Set once this process is asked to end: a job that takes long looks at it."""

_silent_until = 0.0


def init_app(app: Flask, settings: Settings) -> None:
    """Remember where the queue is. Nothing connects until something is asked of it."""
    app.extensions["msidp_redis"] = connect(settings.redis_url)


def connection() -> "redis.Redis":
    """This app's connection to Redis or Valkey."""
    client: redis.Redis = current_app.extensions["msidp_redis"]
    return client


@cache
def connect(url: str, timeout: float = 1) -> "redis.Redis":
    """A client for this URL, one a process. `timeout` is short by default: a web request may wait on it.

    One more try, at once, where a connection broke: a server that came back has closed those of the pool.
    Where no answer came there is none: the second would not come either.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=1,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def queue(name: str) -> Queue:
    """An RQ queue. JSON, because unpickling what a queue holds would run whatever was put there."""
    return queue_on(connection(), name)


def queue_on(client: "redis.Redis", name: str) -> Queue:
    """An RQ queue on a connection of one's own."""
    return Queue(name, connection=client, serializer=JSONSerializer)


def ring(name: str = WEBHOOKS) -> None:
    """The doorbell: ask a worker to look for what is due. Never raises, and never waits long.

    A failure costs nothing but time, for `msidp cron` rings again. So does a missing answer: after one,
    nobody here tries again for a few seconds.
    """
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        ring_once(connection(), name)
    except (redis.RedisError, OSError):
        _silent_until = time.monotonic() + QUIET_AFTER_FAILURE


def ring_once(client: "redis.Redis", name: str = WEBHOOKS) -> None:
    """Tell whoever listens, and put the queue's job on it unless something waits there already.

    One look serves everyone. A plain job: RQ's `unique` would refuse a new one for as long as a killed
    worker's job is remembered. Where the server's rules let us publish nothing, the job alone asks.
    """
    bell = queue_on(client, name)
    with client.pipeline(transaction=False) as both:
        both.publish(_channel(client, name), "")
        both.llen(bell.key)
        _, waiting = both.execute(raise_on_error=False)
    if isinstance(waiting, redis.RedisError):
        raise waiting
    if not waiting:
        bell.enqueue(_BELLS[name], result_ttl=0, failure_ttl=FAILURES_KEPT)


class Bells:
    """What rings on some queues while this is open, in a `with` statement.

    Hears nothing more once the queue has been away, and waits all the same. Where the server's rules do not
    let us listen, a queue has rung on which a job waits.
    """

    def __init__(self, *names: str) -> None:
        client = connection()
        self._names = {_channel(client, name).encode(): name for name in names}
        self._ear = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # theirs
        self._way = self._hear

    def __enter__(self) -> Self:
        try:
            self._ear.subscribe(*self._names)
            for _ in self._names:
                self._ear.get_message(timeout=1)  # the server's word that what rings is heard from now on
        except (redis.RedisError, OSError) as error:
            self._go_deaf(error)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(redis.RedisError, OSError):
            self._ear.close()

    def wait(self, seconds: float) -> set[str]:
        """The queues that rang, as soon as one did; none after so many seconds."""
        try:
            return self._way(seconds)
        except (redis.RedisError, OSError) as error:
            self._go_deaf(error)
        return self._way(seconds)

    def _go_deaf(self, error: Exception) -> None:
        """Look instead where the server refused; go on without it where it is away."""
        self._way = self._look if isinstance(error, redis.ResponseError) else self._rest

    def _hear(self, seconds: float) -> set[str]:
        names: set[str] = set()
        for _ in range(HEARD_AT_ONCE):
            heard = self._ear.get_message(timeout=0 if names else seconds)
            if heard is None:
                break
            names.add(self._names[heard["channel"]])
        return names

    def _look(self, seconds: float) -> set[str]:
        stopping.wait(seconds)
        with suppress(redis.RedisError, OSError):
            return {name for name in self._names.values() if queue(name).count}
        return set()

    def _rest(self, seconds: float) -> set[str]:
        stopping.wait(seconds)
        return set()


def _channel(client: "redis.Redis", name: str) -> str:
    """Channels know no databases: another instance may have one on the same server."""
    return f"msidp:bell:{client.connection_pool.connection_kwargs.get('db') or 0}:{name}"
