"""Requests are answered in the threads they arrive in: one leads, the others follow (ADR 0034).

The leader listens, and answers each request itself. To hand it to another thread takes two wake-ups, and then
the two take Python's one lock from each other, at each statement of SQLite. Who gets a request while the
leader answers a quick one leaves it to the leader, and sleeps: a follower. Where the leader is slow, because
it computes or waits, a follower is woken and leads beside it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from msidp.cli.threads import Call, perform

SLOW = 0.004  # seconds after which a call counts as one beside which others run
IN_VAIN = 5  # looks at nothing, after which the watch sleeps

Bed = SimpleQueue[Call | None]  # of a follower: where it is told to lead, and what it does first


class Leaders:
    """At most `most` calls run at once, and of quick ones one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._running: dict[int, float] = {}  # by thread: since when, in seconds
        self._listening: set[int] = set()  # threads that are, or soon will be, where requests arrive
        self._followers: list[tuple[int, Bed]] = []
        self._waiting: deque[Call] = deque()
        self._wake_watch = SimpleQueue[None]()
        self._watching = False
        threading.Thread(target=self._keep_watch, name="request-watch", daemon=True).start()

    def run(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call this, here or in the thread that leads; return when this one is to listen again.

        What it raises is logged.
        """
        thread = threading.get_ident()
        call = self._first(thread, (function, arguments))
        del function, arguments  # nothing of a request outlives it
        while call is not None:
            perform(call)
            del call
            call = self._next(thread)

    def _first(self, thread: int, call: Call) -> Call | None:
        """What this thread, to which a call has come, does now. None: it listens."""
        with self._lock:
            if len(self._running) < self._most and not self._is_led():
                self._begin(thread)
                return call
            self._waiting.append(call)
            if len(self._running) == self._most:
                self._listening.add(thread)
                return None
            bed = self._lie_down(thread)
        return bed.get()

    def _next(self, thread: int) -> Call | None:
        """The same of one whose call has ended. One that listens is enough: it is always the same."""
        with self._lock:
            del self._running[thread]
            if self._waiting and not self._is_led():
                self._begin(thread)
                return self._waiting.popleft()
            if not self._listening:
                self._listening.add(thread)
                return None
            bed = self._lie_down(thread)
        return bed.get()

    def _lie_down(self, thread: int) -> Bed:
        self._listening.discard(thread)
        bed = Bed()
        self._followers.append((thread, bed))
        return bed

    def _is_led(self) -> bool:
        """Whether somebody runs a quick call, after which it looks for more."""
        since = time.monotonic() - SLOW
        return any(began > since for began in self._running.values())

    def _begin(self, thread: int) -> None:
        self._listening.discard(thread)
        self._running[thread] = time.monotonic()
        if not self._watching:
            self._watching = True
            self._wake_watch.put(None)

    def _keep_watch(self) -> None:
        """While calls run, see to it that somebody leads."""
        in_vain = IN_VAIN
        while True:
            if in_vain == IN_VAIN:
                self._wake_watch.get()
                in_vain = 0
            time.sleep(SLOW)
            with self._lock:
                in_vain = 0 if self._running else in_vain + 1
                self._watching = in_vain < IN_VAIN
                if not self._watching:
                    self._listening.clear()  # granian ends who has nothing to do for long, and starts others
                while self._followers and not self._is_led() and (self._may_begin() or not self._listening):
                    self._promote()

    def _may_begin(self) -> bool:
        """Whether a call waits for which there is a place."""
        return bool(self._waiting) and len(self._running) < self._most

    def _promote(self) -> None:
        """Wake the follower that was busy last: what it used is still in the processor's caches."""
        thread, bed = self._followers.pop()
        if self._may_begin():
            self._begin(thread)
            bed.put(self._waiting.popleft())
        else:
            self._listening.add(thread)
            bed.put(None)
