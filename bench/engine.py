"""The delivery engine: what a delivery costs, beside pycurl alone and beside one RQ job each.

make bench ARGS=engine
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text
from tests.support.postgres import PostgresServer

from bench import table
from bench.deliveries import Rate, ceiling
from bench.fleet import Fleet
from bench.sink import Sink
from msidp import db

ENDPOINTS = 25
BODY = 600
WORKERS = (1, 2, 4)
FASTER_THAN_RQ = 40


def report(instance: Path, *, quick: bool = False) -> None:
    """What a delivery costs; medians of several rounds, with the spread."""
    rounds, events = (1, 8) if quick else (7, 200)
    with Sink(instance / "engine") as sink:
        print(table.title("the delivery engine, https, connections kept"))
        print(table.line("", "CPU µs", "per second"))
        raw: list[Rate] = []
        with Fleet(instance / "sqlite", sink.authority) as fleet:
            fleet.add_endpoints(sink.urls(ENDPOINTS))
            ours = []
            work_off(fleet, sink, events)
            for _ in range(rounds):
                raw.append(ceiling(sink, ENDPOINTS * events, BODY))
                ours.append(work_off(fleet, sink, events))
            latency = commit_to_delivered(fleet, 20 if quick else 200)
        print(_line("raw: pycurl alone", raw))
        print(_line("ours: SQLite, one worker", ours))
        rq, post = rq_way(instance, sink, 20 if quick else 300)
        print(table.line("one RQ job each, the same work", f"{rq:,.0f}", ""))
        print(table.line("one RQ job each, only the POST", f"{post:,.0f}", ""))
        cost, floor = _median(ours), _median(raw)
        print(table.line("ours / raw", f"{cost / floor:.2f}", "", table.judged(cost / floor, 2, "")))
        verdict = "met" if rq / cost >= FASTER_THAN_RQ else "MISSED"
        print(table.line("RQ / ours", f"{rq / cost:.0f}", "", f"goal ≥ {FASTER_THAN_RQ}: {verdict}"))
        print(
            table.line("commit to delivered, p50", f"{latency:.1f} ms", "", table.judged(latency, 25, "ms"))
        )
        for workers in WORKERS[: 1 if quick else None]:
            found = on_postgresql(instance, sink, workers, rounds, events)
            print(_line(f"ours: PostgreSQL, {workers} worker{'s' if workers > 1 else ''}", found))


def work_off(fleet: Fleet, sink: Sink, events: int) -> Rate:
    """Let deliveries pile up in one transaction, and measure the workers until all are settled."""
    count = ENDPOINTS * events
    before = sink.count()
    used, began = fleet.cpu_seconds(), time.perf_counter()
    fleet.publish(events)
    began = time.perf_counter()
    sink.wait_for(before + count, within=300)
    took = time.perf_counter() - began
    fleet.wait_until_settled()
    return Rate((fleet.cpu_seconds() - used) / count * 1e6, count / took)


def on_postgresql(instance: Path, sink: Sink, workers: int, rounds: int, events: int) -> list[Rate]:
    """The same, with several workers. The database's own CPU time is not counted."""
    server = PostgresServer()
    try:
        server.create_database("bench")
        directory = instance / f"postgresql-{workers}"
        with Fleet(directory, sink.authority, database_url=server.url("bench"), workers=workers) as fleet:
            fleet.add_endpoints(sink.urls(ENDPOINTS))
            work_off(fleet, sink, events)
            return [work_off(fleet, sink, events) for _ in range(rounds)]
    finally:
        server.stop()


def commit_to_delivered(fleet: Fleet, count: int) -> float:
    """The median of single events, each some while after the one before, for one endpoint."""
    with db.transaction() as session:
        session.execute(text("UPDATE webhook_endpoint SET enabled = false"))
        (mine,) = session.scalars(text("SELECT id FROM webhook_endpoint LIMIT 1")).all()
        session.execute(text("UPDATE webhook_endpoint SET enabled = true WHERE id = :id"), {"id": mine})
    committed: dict[str, int] = {}
    for _ in range(count):
        committed |= fleet.publish()
        time.sleep(0.05)
    fleet.wait_until_settled()
    return statistics.median(fleet.latencies([mine], committed))


def rq_way(instance: Path, sink: Sink, count: int) -> tuple[float, float]:
    """CPU microseconds of one RQ job that does all that a delivery takes, and of one that only sends."""
    with Fleet(instance / "rq", sink.authority, workers=0) as fleet:
        fleet.add_endpoints(sink.urls(ENDPOINTS))
        fleet.publish(count // ENDPOINTS + 1)
        run = subprocess.run(
            [sys.executable, "-m", "bench.rq_way", sink.urls(1)[0], str(sink.authority), str(count)],
            capture_output=True, text=True, check=True, env=fleet.environment(),
        )  # fmt: skip
        measured = json.loads(run.stdout)
        return measured["whole"], measured["post"]


def _median(rates: Sequence[Rate]) -> float:
    return statistics.median(rate.microseconds for rate in rates)


def _line(name: str, rates: Sequence[Rate]) -> str:
    costs = [rate.microseconds for rate in rates]
    speed = statistics.median(rate.per_second for rate in rates)
    spread = f"{min(costs):,.0f}–{max(costs):,.0f} µs in {len(costs)} rounds"
    return table.line(name, f"{statistics.median(costs):,.0f}", f"{speed:,.0f}", spread)
