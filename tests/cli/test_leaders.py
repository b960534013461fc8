"""Threads that answer the requests which arrive in them."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
from tests.support.instance import eventually

from msidp.cli.leaders import SLOW, Leaders

Arriving = SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]]


class Listeners:
    """Threads to which calls arrive, as granian's."""

    def __init__(self, count: int, most: int) -> None:
        self.leaders = Leaders(most)
        self._arriving: Arriving = SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._listen, daemon=True).start()  # followers sleep on

    def _listen(self) -> None:
        while True:
            function, arguments = self._arriving.get()
            self.leaders.run(function, *arguments)

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Let this arrive at one of them."""
        self._arriving.put((function, arguments))


def test_quick_calls_take_turns_and_none_is_lost() -> None:
    eight, done = Listeners(8, 8), SimpleQueue[int]()
    running = beside = 0

    def call(number: int) -> None:
        nonlocal running, beside
        running += 1
        beside += running > 1
        time.sleep(0)  # whoever else may run does
        running -= 1
        done.put(number)

    for number in range(5000):
        eight.call(call, number)
    assert sorted(done.get(timeout=10) for _ in range(5000)) == list(range(5000))
    assert beside < 500  # not 0: on a busy machine each of them can take long


def test_beside_slow_calls_others_run_up_to_the_last_place() -> None:
    some, hold, begun, done = Listeners(5, 4), threading.Event(), SimpleQueue[int](), SimpleQueue[int]()

    def slow() -> None:
        begun.put(1)
        hold.wait(20)

    for held in range(3):
        some.call(slow)
        begun.get(timeout=10)
        for number in range(20):
            some.call(done.put, number)
        assert sorted(done.get(timeout=10) for _ in range(20)) == list(range(20)), held
    some.call(slow)
    begun.get(timeout=10)  # no place is left
    for number in range(20):
        some.call(done.put, number)
    eventually(lambda: len(some.leaders._waiting) == 20)  # the fifth has heard them all
    assert done.empty()
    hold.set()
    assert sorted(done.get(timeout=10) for _ in range(20)) == list(range(20))


def test_somebody_listens_while_the_leader_is_slow() -> None:
    """Also where the others had gone to sleep, and nothing was left for them to do."""
    three, done, asleep = Listeners(3, 3), SimpleQueue[int](), SimpleQueue[int]()
    goes_on = threading.Event()

    def lead() -> None:
        """Run until the two others have gone to sleep, unless that takes so long that they need not."""
        began = time.monotonic()
        while len(three.leaders._followers) < 2 and time.monotonic() < began + SLOW:
            time.sleep(0)

    def be_slow() -> None:
        asleep.put(len(three.leaders._followers))
        goes_on.wait(20)

    def try_it() -> int:
        goes_on.clear()
        for call in (lead, lambda: done.put(0), lambda: done.put(1), be_slow):
            three.call(call)
        sleepers = asleep.get(timeout=10)
        for number in range(2, 10):
            three.call(done.put, number)
        assert sorted(done.get(timeout=10) for _ in range(10)) == list(range(10))
        goes_on.set()
        return sleepers

    eventually(lambda: try_it() == 2)


def test_never_more_run_than_there_are_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where those that sleep did so while there were places left; and somebody goes on listening."""
    three, hold, begun = Listeners(3, 2), threading.Event(), SimpleQueue[int]()
    leaders, counts_as_quick = three.leaders, threading.Event()
    is_led = Leaders._is_led
    monkeypatch.setattr(Leaders, "_is_led", lambda self: counts_as_quick.is_set() or is_led(self))

    def slow(number: int) -> None:
        begun.put(number)
        hold.wait(20)

    three.call(slow, 0)
    begun.get(timeout=10)
    counts_as_quick.set()
    for number in range(1, 3):
        three.call(slow, number)
        eventually(lambda number=number: len(leaders._followers) == number)
    counts_as_quick.clear()
    begun.get(timeout=10)  # of the two one has got the last place
    three.call(slow, 3)
    eventually(lambda: len(leaders._waiting) == 2)  # the other one listens
    assert (len(leaders._running), begun.qsize()) == (2, 0)
    hold.set()
    assert {begun.get(timeout=10) for _ in range(2)} == {2, 3}
