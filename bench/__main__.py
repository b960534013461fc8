"""`make bench`."""

import argparse
import os
import platform
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import backlog, comparison, cpu, dashboard, engine, flood, floor, isolation, scale, table
from bench.deliveries import ceiling, end_to_end, settle
from bench.load import Load, request
from bench.operations import Operation, Site, of_members, of_the_provider
from bench.servers import Hello, Msidp
from bench.sink import Sink

MOST_ENDPOINTS = 25
BODY = 600  # bytes, about what a webhook of a member has

HELLO = Operation("Flask hello, same granian", lambda count: [request("GET", "/")] * count)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int = 5
    requests: int = 300  # a round
    events: int = 400  # that pile up before their deliveries are measured


PARTS = ("requests", "peers", "flood", "deliveries")
ALONE = ("scale", "dashboard", "engine", "isolation", "backlog")  # minutes: only when named


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; all of these unless named"
    )
    parser.add_argument("--quick", action="store_true", help="just enough to see that it works")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - {*PARTS, *ALONE}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    size = Size(rounds=1, requests=20, events=4) if asked.quick else Size()
    parts = asked.parts or PARTS
    print(machine())
    Path("instance").mkdir(exist_ok=True)
    instance = Path(tempfile.mkdtemp(prefix="bench-", dir=Path("instance").absolute()))
    try:
        if set(parts) & set(PARTS):
            measure_parts(size, parts, instance)
        if "scale" in parts:
            scale.report(instance, quick=asked.quick)
        if "dashboard" in parts:
            dashboard.report(instance, quick=asked.quick)
        if "engine" in parts:
            engine.report(instance, quick=asked.quick)
        if "isolation" in parts:
            isolation.report(instance, quick=asked.quick)
        if "backlog" in parts:
            backlog.report(instance, quick=asked.quick)
    finally:
        shutil.rmtree(instance)


def measure_parts(size: Size, parts: Sequence[str], instance: Path) -> None:
    """All that is measured on one running msidp."""
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(instance))
        msidp = stack.enter_context(Msidp(instance, sink.authority))
        report_startup(msidp)
        site = Site(stack.enter_context(Load(msidp.port)), msidp.base_url)
        site.prepare(msidp.command("api-key", "create", "--name", "bench")["secretKey"])
        if "requests" in parts:
            report_floor(instance)
            hello = stack.enter_context(Hello())
            report_requests(size, msidp, site, hello, stack.enter_context(Load(hello.port)), sink)
        if "peers" in parts:
            comparison.report(msidp, site, instance, size.requests // 3, quick=size.rounds == 1)
        if "flood" in parts:
            flood.report(site, msidp.port, size.requests * 2)
        if "deliveries" in parts:
            for number in range(site.webhooks + 1, MOST_ENDPOINTS + 1):
                site.add_webhook(sink.urls(number)[-1])
            report_deliveries(size, msidp, site, sink)


def machine() -> str:
    """What this was measured on, and whether it had anything else to do."""
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    busy = f"; BUSY with other work (load {load:.1f}): all numbers are too high" if load > cores / 2 else ""
    return f"Python {platform.python_version()}, SQLite, {cores} cores of {platform.machine()}{busy}"


def report_floor(instance: Path) -> None:
    """The parts that cannot be made cheaper. A code exchange signs twice and commits once."""
    print(table.title("what every token endpoint needs"))
    print(table.line("", "CPU µs", ""))
    print(table.line("one RS256 signature", f"{floor.signature():,.0f}", ""))
    print(table.line("one durable SQLite commit", f"{floor.commit(instance):,.0f}", ""))


def report_startup(msidp: Msidp) -> None:
    """How soon `msidp up` was ready on an empty instance, and the memory of its processes."""
    print(table.title("msidp up, first start"))
    goal = table.judged(msidp.ready_after, 4, "s")
    print(table.line("ready after", f"{msidp.ready_after:.1f} s", "", goal))
    memory = {pid: cpu.pss(pid) / 1e6 for pid in msidp.processes()}
    for pid, megabytes in memory.items():
        print(table.line(f"memory (PSS) of {cpu.name(pid)}", f"{megabytes:.0f} MB", ""))
    total = sum(memory.values())
    print(table.line("memory (PSS) of all", f"{total:.0f} MB", "", table.judged(total, 250, "MB")))


def report_requests(size: Size, msidp: Msidp, site: Site, hello: Hello, greeter: Load, sink: Sink) -> None:
    """CPU time of the web part for each operation, each beside a hello of the same moment."""

    def report(operation: Operation, name: str = "") -> None:
        greeting = measure(size, greeter, HELLO, hello.processes)
        cost = measure(size, site.load, operation, lambda: msidp.processes("msidp-web"))
        print(table.cost(name or operation.name, cost, greeting, operation.goal))

    print(table.title("requests"))
    print(table.line("", "CPU µs", "× hello"))
    baseline = measure(size, greeter, HELLO, hello.processes)
    print(table.cost(HELLO.name, baseline, baseline))
    for operation in of_the_provider(site):
        report(operation)
    read, create = of_members(site)
    report(read)
    report(create, f"{create.name}, no webhook")
    for number in range(1, MOST_ENDPOINTS + 1):
        site.add_webhook(sink.urls(number)[-1])
        if number in (1, MOST_ENDPOINTS):
            report(create, f"{create.name}, {number} webhook{'s' if number > 1 else ''}")
            settle(site)


def report_deliveries(size: Size, msidp: Msidp, site: Site, sink: Sink) -> None:
    """What the worker needs for a delivery, beside pycurl alone in the same run."""
    print(table.title("webhook deliveries over https, one worker"))
    print(table.line("", "CPU µs", "per second"))
    count = MOST_ENDPOINTS * size.events
    raw = ceiling(sink, count, BODY)
    ours = end_to_end(msidp, site, sink, MOST_ENDPOINTS, size.events)
    print(table.line("pycurl alone", f"{raw.microseconds:,.0f}", f"{raw.per_second:,.0f}"))
    goal = table.judged(ours.microseconds, 150)
    print(
        table.line("from the outbox to the log", f"{ours.microseconds:,.0f}", f"{ours.per_second:,.0f}", goal)
    )
    print(table.line("ratio", f"{ours.microseconds / raw.microseconds:.2f}", ""))


def measure(size: Size, load: Load, operation: Operation, processes: Callable[[], list[int]]) -> float:
    """The median of several rounds: CPU microseconds that these processes use for one operation."""
    costs = []
    for count in (size.requests // 10, *[size.requests] * size.rounds):  # the first one warms up
        requests = operation.make(count)
        cost, answers = cpu.cost_of(load, requests, processes())
        costs.append(cost)
        operation.done(answers)
    return statistics.median(costs[1:])


if __name__ == "__main__":
    main()
