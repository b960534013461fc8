"""How one bad endpoint touches the others: healthy endpoints' latency with and without sick ones.

make bench ARGS=isolation     20 endpoints with 1 hanging; 1,000 with 100 hanging and 100 refusing

Alone and beside the sick take turns, several times, and are measured from the moment the commit had
returned. The database is on a file system in memory where there is one: a disk's stalls last longer than
anything that one endpoint does to another, and would be all that is seen.
"""

import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import table
from bench.fleet import Fleet
from bench.servers import free_port
from bench.sink import Sink

IN_MEMORY = Path("/dev/shm")  # noqa: S108  # a directory of one's own is made in it
WARMED = 10  # events before the sick appear: connections are made, and caches filled


class Scenario(NamedTuple):
    """`events`, one every `pause` seconds, for so many endpoints; `goal` for the ratio of the p99s."""

    healthy: int
    hanging: int
    refusing: int
    events: int
    pause: float
    goal: float


class Latency(NamedTuple):
    """Milliseconds from the commit to the answer."""

    p50: float
    p99: float


SCENARIOS = (Scenario(19, 1, 0, 400, 0.05, 1.25), Scenario(800, 100, 100, 30, 1.0, 2.0))
QUICK = (Scenario(4, 1, 0, 10, 0.05, 1.25),)
ROUNDS = 5


def report(instance: Path, *, quick: bool = False) -> None:
    """Medians of all rounds, with the spread of the p99s."""
    base = IN_MEMORY if IN_MEMORY.is_dir() else instance
    with tempfile.TemporaryDirectory(prefix="msidp-bench-", dir=base) as directory:
        place = Path(directory)
        with Sink(place / "sink") as sink:
            print(table.title(f"isolation: healthy endpoints, commit to delivered, database in {base}"))
            print(table.line("", "p50 ms", "p99 ms"))
            for number, scenario in enumerate(QUICK if quick else SCENARIOS):
                _compare(place / str(number), sink, scenario, 1 if quick else ROUNDS)


def _compare(place: Path, sink: Sink, scenario: Scenario, rounds: int) -> None:
    alone, beside = [], []
    for turn in range(rounds):
        alone.append(_measure(place / f"alone-{turn}", sink, scenario, []))
        with hanging_port() as silent:
            sick = [f"https://127.0.0.1:{silent}/{index}" for index in range(scenario.hanging)]
            sick += [f"https://127.0.0.1:{free_port()}/{index}" for index in range(scenario.refusing)]
            beside.append(_measure(place / f"beside-{turn}", sink, scenario, sick))
    name = f"beside {scenario.hanging} hanging" + (
        f", {scenario.refusing} refusing" if scenario.refusing else ""
    )
    print(_line(f"{scenario.healthy} healthy, alone", alone))
    print(_line(name, beside))
    ratio = statistics.median(each.p99 for each in beside) / statistics.median(each.p99 for each in alone)
    print(table.line("p99, ratio", "", f"{ratio:.2f}", table.judged(ratio, scenario.goal, "")))


def _measure(directory: Path, sink: Sink, scenario: Scenario, sick: Sequence[str]) -> Latency:
    with Fleet(directory, sink.authority) as fleet:
        well = fleet.add_endpoints(sink.urls(scenario.healthy))
        _publish(fleet, WARMED, scenario.pause)
        fleet.wait_until_settled(well)
        fleet.add_endpoints(sick)
        committed = _publish(fleet, scenario.events, scenario.pause)
        fleet.wait_until_settled(well)
        found = sorted(fleet.latencies(well, committed))
    return Latency(statistics.median(found), found[int(len(found) * 0.99) - 1])


def _publish(fleet: Fleet, events: int, pause: float) -> dict[str, int]:
    """So many events, one after the other; when each was committed, by its id."""
    committed: dict[str, int] = {}
    for _ in range(events):
        began = time.monotonic()
        committed |= fleet.publish()
        time.sleep(max(0.0, pause - (time.monotonic() - began)))
    return committed


def _line(name: str, rounds: Sequence[Latency]) -> str:
    p50, p99s = statistics.median(each.p50 for each in rounds), [each.p99 for each in rounds]
    spread = f"p99 {min(p99s):,.0f}–{max(p99s):,.0f} ms in {len(p99s)} rounds"
    return table.line(name, f"{p50:,.1f}", f"{statistics.median(p99s):,.1f}", spread)


@contextmanager
def hanging_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        yield silent.getsockname()[1]
