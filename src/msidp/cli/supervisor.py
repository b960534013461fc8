"""The supervisor of `msidp up`: starts the parts, restarts what dies, and ends with all of them."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

import structlog

from msidp.cli.children import fork

BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds before a restart, by how often the part ended in a row
STEADY = 10.0  # seconds of life after which an end counts as the first again
READY_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0
POLL = 0.05
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

log = structlog.get_logger(__name__)


class GivenUp(Exception):
    """The parts did not come up. The text says why."""


class Stopped(Exception):
    """A signal asked to stop."""


@dataclass(slots=True)
class Part:
    """One child process: what it runs, and how it fares. `pid` is 0 while it is down.

    The others stand on a `foundation`, which is stopped after them.
    """

    name: str
    run: Callable[[], object]
    foundation: bool = False
    pid: int = 0
    started_at: float = 0.0
    restart_at: float = 0.0
    failures: int = 0

    def start(self) -> None:
        """Fork it."""
        self.started_at = time.monotonic()
        self.pid = fork(f"msidp-{self.name}", self.run)

    def has_ended(self) -> bool:
        """Whether the process is gone, which is told once; then the part may be started again later."""
        if not self.pid or os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            return False
        now = time.monotonic()
        if now - self.started_at > STEADY:
            self.failures = 0
        self.restart_at = now + BACKOFF[min(self.failures, len(BACKOFF) - 1)]
        self.failures += 1
        self.pid = 0
        return True

    def send(self, number: int) -> None:
        """Signal it, if it lives."""
        if self.pid:
            os.kill(self.pid, number)  # a child that ended stays ours, and its id unused, until has_ended()


class Supervisor:
    """Starts parts, keeps them running, and stops all of them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._asked_to_stop = 0
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Handle signals in here; whatever happens, nothing of ours is left at the end."""
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)  # it only wakes us
        wakeup = signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        try:
            yield
        except Stopped:
            log.info("stopping")
        finally:
            self._stop()
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def add(self, name: str, run: Callable[[], object], *, foundation: bool = False) -> None:
        """Start a part and keep it running."""
        part = Part(name, run, foundation)
        part.start()
        self.parts.append(part)

    def run_once(self, name: str, run: Callable[[], object]) -> None:
        """Run a part to its end. Raises GivenUp when it fails."""
        part = Part(name, run)
        part.start()
        try:
            while True:
                pid, status = os.waitpid(part.pid, os.WNOHANG)
                if pid:
                    part.pid = 0
                    break
                self._wait(1)
        finally:
            part.send(signal.SIGKILL)
        if status:
            raise GivenUp(f"msidp {name} failed")

    def until(self, ready: Callable[[], bool], what: str) -> None:
        """Look after the parts until something is ready. Raises GivenUp when it takes too long."""
        deadline = time.monotonic() + READY_TIMEOUT
        while not ready():
            if time.monotonic() > deadline:
                raise GivenUp(f"{what} did not come up in {READY_TIMEOUT:.0f} seconds")
            self._look_after(POLL)

    def forever(self) -> None:
        """Look after the parts until a signal asks to stop, then raise Stopped."""
        while True:
            self._look_after(60)

    def _look_after(self, longest: float) -> None:
        """Restart what is due, then sleep until something happens."""
        now = time.monotonic()
        for part in self.parts:
            if part.has_ended():
                log.error("part ended", part=part.name, restart_in=round(part.restart_at - now, 1))
            if not part.pid:
                if part.restart_at <= now:
                    part.start()
                    log.info("part restarted", part=part.name, pid=part.pid)
                else:
                    longest = min(longest, part.restart_at - now)
        self._wait(longest)

    def _wait(self, seconds: float) -> None:
        """Sleep until a child ends or a signal comes. Raises Stopped."""
        if not self._asked_to_stop:
            self._sleep(seconds)
        if self._asked_to_stop:
            raise Stopped

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wake_reader], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self._wake_reader, 1024)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1

    def _stop(self) -> None:
        self._end([part for part in self.parts if not part.foundation])
        self._end([part for part in self.parts if part.foundation])

    def _end(self, parts: list[Part]) -> None:
        """Ask these parts to end, and kill what has not after a while, or at the second signal."""
        asked_before = self._asked_to_stop
        deadline = time.monotonic() + STOP_TIMEOUT
        for part in parts:
            part.send(signal.SIGTERM)
        while any(part.pid and not part.has_ended() for part in parts):
            late = time.monotonic() > deadline or self._asked_to_stop > max(asked_before, 1)
            if late:
                for part in parts:
                    part.send(signal.SIGKILL)
            self._sleep(POLL if late else 0.5)
