"""The doorbell: one job at a time, readable without pickle, and never in the way of a request."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask
from rq.job import Job
from tests.support.valkey import ValkeyServer

from msidp import queue
from msidp.app import create_core
from msidp.settings import Settings


@pytest.fixture(autouse=True)
def no_silence() -> Iterator[None]:
    queue._silent_until = 0.0
    yield
    queue._silent_until = 0.0


def test_ringing_twice_leaves_one_job(app: Flask) -> None:
    queue.ring()
    queue.ring()
    [job_id] = queue.queue(queue.WEBHOOKS).job_ids
    job = Job.fetch(job_id, connection=queue.connection(), serializer=queue.JSONSerializer)
    assert (job.func_name, job.args, job.kwargs, job.result_ttl) == (queue.DRAIN, [], {}, 0)


def test_ringing_again_after_the_queue_was_wiped(app: Flask, valkey: ValkeyServer) -> None:
    queue.ring()
    valkey.client.flushall()
    queue.ring()
    assert queue.queue(queue.WEBHOOKS).count == 1


def test_a_missing_queue_is_asked_once_and_delays_nothing(settings: Settings) -> None:
    app = create_core(settings.model_copy(update={"redis_url": "unix:///nowhere/valkey.sock"}))
    with app.app_context():
        begin = time.monotonic()
        for _ in range(100):
            queue.ring()
        assert time.monotonic() - begin < 1
        assert queue._silent_until > begin


def test_bells_are_heard_while_one_listens(app: Flask) -> None:
    queue.ring()
    with queue.Bells(queue.WEBHOOKS, queue.MAIL) as bells:
        assert bells.wait(0.01) == set()
        queue.ring()  # although a job waits already
        assert bells.wait(10) == {queue.WEBHOOKS}
        queue.ring()
        queue.ring(queue.MAIL)
        heard: set[str] = set()
        while len(heard) < 2 and (rung := bells.wait(10)):
            heard |= rung
        assert heard == {queue.WEBHOOKS, queue.MAIL}


def test_who_rings_without_a_pause_holds_nobody_up(app: Flask, valkey: ValkeyServer) -> None:
    flood = "for _ = 1, 20000 do redis.call('PUBLISH', KEYS[1], '') end"
    with queue.Bells(queue.WEBHOOKS) as bells:
        valkey.client.eval(flood, 1, f"msidp:bell:0:{queue.WEBHOOKS}")
        began = time.thread_time()
        assert bells.wait(10) == {queue.WEBHOOKS}
        once = time.thread_time() - began
        assert bells.wait(0) == {queue.WEBHOOKS}  # there is more, for later
        assert once < 0.2


def test_whoever_listens_outlives_the_queue(settings: Settings) -> None:
    server = ValkeyServer()
    app = create_core(settings.model_copy(update={"redis_url": server.url}))
    with app.app_context(), queue.Bells(queue.WEBHOOKS) as bells:
        server.stop()
        assert bells.wait(0.05) == set()
        began = time.monotonic()
        assert bells.wait(0.05) == set()
        assert time.monotonic() - began >= 0.05
    with app.app_context(), queue.Bells(queue.WEBHOOKS) as bells:
        assert bells.wait(0.01) == set()


@pytest.fixture
def forbidding(settings: Settings) -> Iterator[Flask]:
    """An app whose account at the server has all keys and commands, and no channel: what new accounts get."""
    server = ValkeyServer()
    server.client.execute_command("ACL", "SETUSER", "msidp", "on", ">pw", "~*", "+@all", "resetchannels")
    url = server.url.replace("unix://", "unix://msidp:pw@")
    app = create_core(settings.model_copy(update={"redis_url": url}))
    with app.app_context():
        yield app
    server.stop()


def test_a_server_that_lets_nobody_publish_or_listen(forbidding: Flask) -> None:
    queue.ring()
    assert queue.queue(queue.WEBHOOKS).count == 1
    with queue.Bells(queue.MAIL) as bells:
        assert bells.wait(0.01) == set()
        queue.ring(queue.MAIL)
        assert bells.wait(0.01) == {queue.MAIL}


def test_another_instances_bell_on_the_same_server(settings: Settings, app: Flask) -> None:
    url = f"{settings.redis_url}{'&' if '?' in settings.redis_url else '?'}db=1"
    other = create_core(settings.model_copy(update={"redis_url": url}))
    with queue.Bells(queue.WEBHOOKS) as bells:
        with other.app_context():
            queue.ring()
        assert bells.wait(0.2) == set()
        queue.ring()
        assert bells.wait(10) == {queue.WEBHOOKS}
