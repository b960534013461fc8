"""Threads for what is not to hold up the requests: the one that was busy last is the next to be busy.

What it used is still in the processor's caches, and what it keeps (a database connection's pages, memory)
is warm. concurrent.futures takes its threads in turn, and makes a future for each call, which nobody reads.
"""

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

Call = tuple[Callable[..., object], tuple[Any, ...]]
Desk = SimpleQueue[Call]  # of one thread: where it gets its next call

log = logging.getLogger(__name__)


def perform(call: Call) -> None:
    """Call it. What it raises is logged: also a panic of what is written in Rust, which is no Exception."""
    function, arguments = call
    try:
        function(*arguments)
    except BaseException:
        log.exception("a call failed")


class Threads:
    """At most `most` threads, started as they are needed; more calls than that wait in turn.

    Of those at most `places`; without it any number.
    """

    def __init__(self, most: int, name: str, places: float = math.inf) -> None:
        self._most = most
        self._name = name
        self._places = places
        self._lock = threading.Lock()
        self._started = 0
        self._idle: list[Desk] = []
        self._waiting: deque[Call] = deque()

    def submit(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Call this in one of the threads, soon. What it raises is logged. False if there is no place."""
        call = (function, arguments)
        with self._lock:
            if self._idle or self._started < self._most:
                desk = self._idle.pop() if self._idle else self._start()
                desk.put(call)
            elif len(self._waiting) < self._places:
                self._waiting.append(call)
            else:
                return False
        return True

    def _start(self) -> Desk:
        """A new thread, which is idle. It gets its first call like any other: its arguments stay with it."""
        self._started += 1
        desk = Desk()
        name = f"{self._name}-{self._started}"
        threading.Thread(target=self._work, args=(desk,), name=name, daemon=True).start()
        return desk

    def _work(self, desk: Desk) -> None:
        call: Call | None = None
        while True:
            perform(call or desk.get())
            del call  # nothing of a request outlives it
            call = self._next(desk)

    def _next(self, desk: Desk) -> Call | None:
        """What this thread does now; None: it is idle."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._idle.append(desk)
            return None
