"""Threads for the requests: the one that was busy last is the next to be busy.

What it used is still in the processor's caches, and what it keeps (a database connection's pages, memory)
is warm. concurrent.futures takes its threads in turn, and makes a future for each call, which nobody reads.

Threads that run Python at once take its one lock from each other, at each statement of SQLite. So quick
calls can be made to take turns: a thread that ends one goes on with the next. A call that is slow, because it
computes or waits, lets another run beside it (ADR 0034).
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

SLOW = 0.002  # seconds after which a call counts as one beside which others run

Call = tuple[Callable[..., object], tuple[Any, ...]]
Desk = SimpleQueue[Call]  # of one thread: where it gets its next call

log = logging.getLogger(__name__)


class Threads:
    """At most `most` threads, started as they are needed; more calls than that wait in turn.

    Of those at most `places`; without it any number. Of quick calls `abreast` run at once; without it, as
    many as there are threads.
    """

    def __init__(self, most: int, name: str, places: float = math.inf, abreast: int | None = None) -> None:
        self._most = most
        self._name = name
        self._places = places
        self._abreast = self._allowed = abreast or most
        self._lock = threading.Lock()
        self._started = 0
        self._idle: list[Desk] = []
        self._running: dict[Desk, float] = {}  # since when, in seconds
        self._waiting: deque[Call] = deque()
        self._watch: SimpleQueue[None] | None = None
        self._watching = False

    def submit(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Call this in one of the threads, soon. What it raises is logged. False if there is no place."""
        call = (function, arguments)
        with self._lock:
            if len(self._running) < self._allowed:
                self._run(call)
            elif len(self._waiting) < self._places:
                self._waiting.append(call)
                if self._allowed < self._most and not self._watching:
                    self._begin_watch()
            else:
                return False
        return True

    def _run(self, call: Call) -> None:
        """In an idle thread or a new one. There is one, for fewer run than there may be."""
        if self._idle:
            desk = self._idle.pop()
        else:
            desk = SimpleQueue()
            self._started += 1
            name = f"{self._name}-{self._started}"
            threading.Thread(target=self._work, args=(desk,), name=name, daemon=True).start()
        self._running[desk] = time.monotonic()
        desk.put(call)

    def _work(self, desk: Desk) -> None:
        call: Call | None = None
        while True:
            function, arguments = call or desk.get()
            try:
                function(*arguments)
            except Exception:
                log.exception("a call failed")
            del call, function, arguments  # nothing of a request outlives it
            call = self._next(desk)

    def _next(self, desk: Desk) -> Call | None:
        """What this thread does now; None: it is idle."""
        with self._lock:
            if time.monotonic() - self._running[desk] > SLOW and self._allowed > self._abreast:
                self._allowed -= 1
            if self._waiting and len(self._running) <= self._allowed:
                self._running[desk] = time.monotonic()
                return self._waiting.popleft()
            del self._running[desk]
            self._idle.append(desk)
            return None

    def _begin_watch(self) -> None:
        self._watching = True
        if self._watch is None:
            self._watch = SimpleQueue()
            name = f"{self._name}-watch"
            threading.Thread(target=self._keep_watch, args=(self._watch,), name=name, daemon=True).start()
        self._watch.put(None)

    def _keep_watch(self, asked: SimpleQueue[None]) -> None:
        """While calls wait: let as many run beside the slow ones as else run at all."""
        while True:
            if not self._watching:
                asked.get()
            time.sleep(SLOW)
            with self._lock:
                since = time.monotonic() - SLOW
                slow = sum(began < since for began in self._running.values())
                self._allowed = min(self._most, self._abreast + slow)
                while self._waiting and len(self._running) < self._allowed:
                    self._run(self._waiting.popleft())
                self._watching = bool(self._waiting)
