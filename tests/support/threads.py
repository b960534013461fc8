"""Doing things at the same moment."""

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def at_once(count: int, action: Callable[[int], Result]) -> list[Result]:
    """What `action(0)` … `action(count - 1)` give, each in a thread of its own; they start together."""
    barrier = threading.Barrier(count)
    found: list[Result] = []

    def run(number: int) -> None:
        barrier.wait(10)
        found.append(action(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == count, "an action raised, or did not end"
    return found
