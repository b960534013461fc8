"""`drain`: the RQ job that the doorbell asks for.

The job wakes this process's feed, and hears the bell for it from then on: while it does, a commit is heard
of at once and costs no job of its own. It ends with half a second of silence, or with a slice of time. The
feed runs in a thread of its own and rests when there is nothing left to do: the slice's end interrupts
nothing, and no slice waits for the last one's stragglers. More drains at once, here or elsewhere, do no harm.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

import structlog
from flask import Flask, current_app

from msidp import queue
from msidp.jobs import slices
from msidp.outbound.authorities import Authorities
from msidp.outbound.client import Client
from msidp.outbound.urls import OutboundPolicy
from msidp.present import present_app
from msidp.settings import Settings
from msidp.webhooks.feed import Feed

SLICE = 20.0  # seconds
SILENCE = 0.5  # seconds without a bell, after which a job ends whose feed rests
VISIT_EVERY = 0.5  # seconds between looks for work that is done in slices, while the bell rings

_making = threading.Lock()
log = structlog.get_logger(__name__)


def drain() -> None:
    """Deliver what is due, and what becomes due while the bell rings. Needs an application context.

    Raises what ended the feed, if something did.
    """
    engine = _engine()
    deadline = time.monotonic() + SLICE
    with queue.Bells(queue.WEBHOOKS, queue.MAIL) as bells:
        left_over, visited, asked = wake(), time.monotonic(), False
        while (left := deadline - time.monotonic()) > 0 and not queue.stopping.is_set():
            if queue.MAIL in (rung := bells.wait(0 if left_over else min(left, SILENCE))):
                break  # nobody likes to wait for a log-in code
            if rung:
                engine.wake()
                asked = True
            if left_over or (asked and time.monotonic() > visited + VISIT_EVERY):
                left_over, visited, asked = slices.advance(), time.monotonic(), False
            elif not (rung or asked) and engine.rests():
                return
    queue.ring()  # there is more than this process can do: others may help


def wake() -> bool:
    """Have what is due delivered, and go on with work that is done in slices. Does not wait for the feed.

    Tells whether some of that work is left.
    """
    _engine().wake()  # it need not wait for the slices
    left_over = slices.advance()
    _engine().wake()
    return left_over


def look() -> None:
    """Have what is due delivered, and nothing more."""
    _engine().wake()


def finish() -> None:
    """Wait for what is in flight here. Called once `queue.stopping` is set, after which nothing is added."""
    if "msidp_engine" in current_app.extensions:
        _engine().finish()


def _engine() -> "Engine":
    app = present_app()
    with _making:
        if "msidp_engine" not in app.extensions:
            app.extensions["msidp_engine"] = Engine(app)
        engine: Engine = app.extensions["msidp_engine"]
        return engine


class Engine:
    """One process's feed, and the thread it runs in."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self._running: Future[None] | None = None
        self._awake = False
        self._called = False
        self._feed: Feed | None = None
        self._client: Client | None = None

    def wake(self) -> None:
        """Have the feed look for work, once more where it is under way."""
        with self._lock:
            self._called = True
            if not self._awake:
                self._awake = True
                self._running = self._threads.submit(self._run)
            elif self._feed is not None:
                self._feed.nudge()

    def rests(self) -> bool:
        """Whether the feed has nothing to do. Raises what ended it, if something did."""
        if self._running is None or not self._running.done():
            return False
        self._running.result()
        return True

    def finish(self) -> None:
        """Wait until the feed has come to rest."""
        if self._running is not None:
            wait([self._running])

    def _run(self) -> None:
        with self._app.app_context():
            try:
                while self._is_called():
                    feed = self._feed or self._new_feed()
                    feed.run(lambda: not queue.stopping.is_set())
            except Exception:
                log.exception("the feed of deliveries broke off")
                with self._lock:
                    self._awake = False
                    self._feed = None  # what was in flight is lost, and comes back when its lease ends
                raise

    def _is_called(self) -> bool:
        with self._lock:
            called, self._called = self._called, False
            self._awake = called
            return called

    def _new_feed(self) -> Feed:
        settings: Settings = self._app.extensions["msidp_settings"]
        if self._client is not None:
            self._client.close()
        self._client = Client(OutboundPolicy.of(settings), Authorities(settings.outbound_ca_file))
        self._feed = Feed(self._client, settings)
        return self._feed
