"""The threads that answer requests."""

import logging
import sys
import threading
import time
from queue import SimpleQueue

import pytest
from tests.support.instance import eventually

from msidp.cli.threads import SLOW, Threads


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


def test_what_a_call_raises_is_logged_and_its_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    threads, done = Threads(1, "t"), threading.Event()

    def fail() -> None:
        raise RuntimeError("as the test wants")

    with caplog.at_level(logging.ERROR):
        threads.submit(fail)
        threads.submit(done.set)
        assert done.wait(10)
    assert "as the test wants" in caplog.text


def test_quick_calls_take_turns() -> None:
    threads, done = Threads(8, "t", abreast=1), SimpleQueue[int]()
    at_once, most = 0, 0

    def call() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        sys.getswitchinterval()
        at_once -= 1
        done.put(1)

    for _ in range(500):
        threads.submit(call)
    assert sum(done.get(timeout=10) for _ in range(500)) == 500
    assert most == 1


def test_slow_calls_let_others_run_beside_them() -> None:
    threads, hold, done = Threads(4, "t", abreast=1), threading.Event(), SimpleQueue[int]()
    for _ in range(3):
        threads.submit(hold.wait, 20)
    for number in range(20):
        threads.submit(done.put, number)
    assert sorted(done.get(timeout=10) for _ in range(20)) == list(range(20))
    threads.submit(hold.wait, 20)  # now no thread is left
    for number in range(5):
        threads.submit(done.put, number)
    time.sleep(10 * SLOW)
    assert done.empty()
    hold.set()
    assert sorted(done.get(timeout=10) for _ in range(5)) == list(range(5))
    eventually(lambda: len(threads._idle) == 4)
    for _ in range(3):  # what was slow is over: they take turns again
        threads.submit(done.put, 0)
    eventually(lambda: threads._allowed == 1)
