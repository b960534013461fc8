"""`drain`: the RQ job that the doorbell asks for.

The job wakes this process's feed and waits for it, a slice of time at most. The feed runs in a thread of
its own and ends when there is nothing left to do: the slice's end interrupts nothing, and no slice waits for
the last one's stragglers. More drains at once, here or elsewhere, do no harm.
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
from msidp.settings import Settings
from msidp.webhooks.feed import Feed

SLICE = 20.0  # seconds
GLANCE_EVERY = 0.5  # seconds

_making = threading.Lock()
log = structlog.get_logger(__name__)


def drain() -> None:
    """Deliver what is due. Needs an application context; returns when nothing is left, or after a slice.

    Raises what ended the feed, if something did.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # Flask's way
    with _making:
        if "msidp_engine" not in app.extensions:
            app.extensions["msidp_engine"] = Engine(app)
        engine: Engine = app.extensions["msidp_engine"]
    slices.advance()
    engine.work(SLICE)


def finish() -> None:
    """Wait for what is in flight here. Called once `queue.stopping` is set, after which nothing is added."""
    if "msidp_engine" in current_app.extensions:
        engine: Engine = current_app.extensions["msidp_engine"]
        engine.finish()


class Engine:
    """One process's feed, and the thread it runs in."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self._running: Future[None] | None = None
        self._feed: Feed | None = None
        self._client: Client | None = None

    def work(self, seconds: float) -> None:
        """Let the feed look for work, and wait until it has come to rest or the time is up."""
        deadline = time.monotonic() + seconds
        running, fresh = self._wake()
        self._accompany(running, deadline)
        if running.done() and not fresh:  # it may have looked for the last time just before it was woken
            running, _ = self._wake()
            self._accompany(running, deadline)
        if running.done():
            running.result()
        else:
            queue.ring()  # there is more than this process can do: others may help

    def finish(self) -> None:
        """Wait until the feed has come to rest."""
        if self._running is not None:
            wait([self._running])

    def _accompany(self, running: "Future[None]", deadline: float) -> None:
        """Wait for it until the deadline, or until mail waits: nobody likes to wait for a log-in code."""
        while not running.done() and (left := deadline - time.monotonic()) > 0:
            wait([running], min(left, GLANCE_EVERY))
            if not running.done() and queue.has_work(queue.MAIL):
                return

    def _wake(self) -> tuple["Future[None]", bool]:
        with self._lock:
            if self._running is not None and not self._running.done():
                return self._running, False
            self._running = self._threads.submit(self._run)
            return self._running, True

    def _run(self) -> None:
        with self._app.app_context():
            feed = self._feed or self._new_feed()
            try:
                feed.run(lambda: not queue.stopping.is_set())
            except Exception:
                log.exception("the feed of deliveries broke off")
                self._feed = None  # what was in flight is lost, and comes back when its lease ends
                raise

    def _new_feed(self) -> Feed:
        settings: Settings = self._app.extensions["msidp_settings"]
        if self._client is not None:
            self._client.close()
        self._client = Client(OutboundPolicy.of(settings), Authorities(settings.outbound_ca_file))
        self._feed = Feed(self._client, settings)
        return self._feed
