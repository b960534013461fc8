"""The threads for what is not to hold up the requests."""

import logging
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

import pytest
from tests.support.instance import eventually

from msidp.cli.leaders import Leaders
from msidp.cli.threads import Threads


def test_the_one_that_was_busy_last_is_next() -> None:
    threads, seen, hold = Threads(8, "t"), SimpleQueue[str](), threading.Event()
    meet = threading.Barrier(3)

    def meet_and_wait() -> None:
        meet.wait(10)
        hold.wait(10)

    threads.submit(meet_and_wait)
    threads.submit(meet_and_wait)
    meet.wait(10)  # two threads are busy
    for _ in range(20):
        threads.submit(lambda: seen.put(threading.current_thread().name))
        assert seen.get(timeout=10) == "t-3"
        eventually(lambda: len(threads._idle) == 1)  # it is idle only after the call
    hold.set()


def test_more_calls_than_threads_wait_in_turn() -> None:
    threads, order, hold = Threads(2, "t"), SimpleQueue[int](), threading.Event()
    for _ in range(2):
        threads.submit(hold.wait, 10)
    for number in range(50):
        threads.submit(order.put, number)
    assert order.empty()
    hold.set()
    assert sorted(order.get(timeout=10) for _ in range(50)) == list(range(50))


class Panic(BaseException):
    """As what is written in Rust raises where it finds a mistake of its own."""


@pytest.mark.parametrize("error", [RuntimeError, Panic])
@pytest.mark.parametrize(
    "make", [lambda: Threads(1, "t").submit, lambda: Leaders(1).run], ids=["threads", "leaders"]
)
def test_what_a_call_raises_is_logged_and_its_thread_goes_on(
    make: Callable[[], Callable[..., object]],
    error: type[BaseException],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run, done = make(), threading.Event()

    def fail() -> None:
        raise error("as the test wants")

    with caplog.at_level(logging.ERROR):
        run(fail)
        run(done.set)
        assert done.wait(10)
    assert "as the test wants" in caplog.text


def test_nothing_of_a_call_outlives_it() -> None:
    """A request that is kept keeps its connection open, and what it brought in memory."""
    threads, done = Threads(1, "t"), SimpleQueue[int]()

    class Request:
        pass

    for number in range(2):  # the first one starts the thread
        request = Request()
        kept = weakref.ref(request)
        threads.submit(lambda request, number: done.put(number), request, number)
        del request
        assert done.get(timeout=10) == number
        eventually(lambda kept=kept: kept() is None)
