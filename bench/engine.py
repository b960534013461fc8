"""The delivery engine: what a delivery costs, how one bad endpoint touches the others, how it grows.

make bench ARGS=engine        beside pycurl alone and beside one RQ job each; SQLite and PostgreSQL
make bench ARGS=isolation     20 endpoints with 1 hanging; 1,000 with 100 hanging and 100 refusing
make bench ARGS=backlog       10,000 to 5,000,000 rows in the delivery table; minutes
"""

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from tests.support.postgres import PostgresServer

from bench import table
from bench.deliveries import Rate, ceiling
from bench.fleet import Fleet
from bench.servers import free_port
from bench.sink import Sink
from msidp import clock, db
from msidp.webhooks import claim

ENDPOINTS = 25
BODY = 600
WORKERS = (1, 2, 4)
FASTER_THAN_RQ = 40
SCENARIOS = (  # healthy, hanging, refusing endpoints; events; seconds between them; the goal
    (19, 1, 0, 400, 0.05, 1.25),
    (800, 100, 100, 20, 1.0, 2.0),
)
QUICK_SCENARIOS = ((4, 1, 0, 10, 0.05, 1.25),)


def report(instance: Path, *, quick: bool = False) -> None:
    """What a delivery costs; medians of several rounds, with the spread."""
    rounds, events = (1, 8) if quick else (7, 200)
    with Sink(_made(instance / "engine")) as sink:
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
        session.execute(text("DELETE FROM attempt"))
        session.execute(text("UPDATE webhook_endpoint SET enabled = false"))
        (mine,) = session.scalars(text("SELECT id FROM webhook_endpoint LIMIT 1")).all()
        session.execute(text("UPDATE webhook_endpoint SET enabled = true WHERE id = :id"), {"id": mine})
    for _ in range(count):
        fleet.publish()
        time.sleep(0.05)
    fleet.wait_until_settled()
    return statistics.median(fleet.latencies([mine]))


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


def report_isolation(instance: Path, *, quick: bool = False) -> None:
    """The healthy endpoints' latency with and without sick ones, from the commit on."""
    with Sink(_made(instance / "isolation")) as sink:
        print(table.title("isolation: healthy endpoints, commit to delivered"))
        print(table.line("", "p50 ms", "p99 ms"))
        scenarios = QUICK_SCENARIOS if quick else SCENARIOS
        for number, (healthy, hanging, refusing, events, pause, goal) in enumerate(scenarios):
            alone = _percentiles(instance / f"alone-{number}", sink, healthy, [], events, pause)
            print(table.line(f"{healthy} healthy, alone", f"{alone[0]:,.0f}", f"{alone[1]:,.0f}"))
            with hanging_port() as silent:
                sick = [f"https://127.0.0.1:{silent}/{index}" for index in range(hanging)]
                sick += [f"https://127.0.0.1:{free_port()}/{index}" for index in range(refusing)]
                beside = _percentiles(instance / f"beside-{number}", sink, healthy, sick, events, pause)
            name = f"beside {hanging} hanging" + (f", {refusing} refusing" if refusing else "")
            print(table.line(name, f"{beside[0]:,.0f}", f"{beside[1]:,.0f}"))
            ratio = beside[1] / alone[1]
            print(table.line("p99, ratio", "", f"{ratio:.2f}", table.judged(ratio, goal, "")))


def _percentiles(
    directory: Path, sink: Sink, healthy: int, sick: Sequence[str], events: int, pause: float
) -> tuple[float, float]:
    with Fleet(directory, sink.authority) as fleet:
        fleet.add_endpoints(sick)
        well = fleet.add_endpoints(sink.urls(healthy))
        for _ in range(events):
            began = time.monotonic()
            fleet.publish()
            time.sleep(max(0.0, pause - (time.monotonic() - began)))
        fleet.wait_until_settled(well)
        found = fleet.latencies(well)
    return statistics.median(found), found[int(len(found) * 0.99) - 1]


@contextmanager
def hanging_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        yield silent.getsockname()[1]


def report_backlog(instance: Path, *, quick: bool = False) -> None:
    """What a claim of 64 costs, however long the log of deliveries has become."""
    sizes = (1_000, 2_000) if quick else (10_000, 1_000_000, 5_000_000)
    server = PostgresServer()
    try:
        server.create_database("backlog")
        for name, url in (("SQLite", ""), ("PostgreSQL", server.url("backlog"))):
            print(table.title(f"a look and a claim of 64, by rows in the delivery table, {name}"))
            print(table.line("", "ms", ""))
            authority = Path(__file__)  # nothing is sent
            with Fleet(instance / f"backlog-{name}", authority, database_url=url, workers=0) as fleet:
                fleet.add_endpoints([f"https://example.com/{number}" for number in range(ENDPOINTS)])
                fleet.publish(8)
                first = 0.0
                for size in sizes:
                    _fill(size)
                    cost = _claim_cost()
                    first = first or cost
                    judged = table.judged(cost / first, 1.5, "× the first")
                    print(table.line(f"{size:,} rows", f"{cost:.2f}", "", judged))
    finally:
        server.stop()


def _fill(size: int) -> None:
    """Settled deliveries of one event, until there are so many rows."""
    with db.reading() as session:
        present = session.scalar(text("SELECT count(*) FROM delivery"))
    if db.engine_name() == "sqlite":
        numbers = "WITH RECURSIVE n (i) AS (SELECT :low UNION ALL SELECT i + 1 FROM n WHERE i < :high)"
    else:
        numbers = "WITH n (i) AS (SELECT generate_series(CAST(:low AS bigint), :high))"
    with db.transaction() as session:
        session.execute(
            text(f"""
            INSERT INTO delivery (id, community_id, event_id, endpoint_id, dialect, origin, status,
                attempt_count, scheduled_count, manual, claims, created_at, settled_at)
            {numbers}
            SELECT 'filled-' || i, e.community_id, (SELECT min(id) FROM event), e.id, 'memberstack',
                'filled-' || i, 'succeeded', 1, 1, false, 0, 0, 1
            FROM n JOIN (SELECT id, community_id, row_number() OVER (ORDER BY seq) - 1 AS place
                FROM webhook_endpoint) AS e ON e.place = i % {ENDPOINTS}
            """),  # constants
            {"low": present, "high": size - 1},
        )
    if db.engine_name() == "postgresql":
        with db.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE delivery"))


def _claim_cost() -> float:
    """Milliseconds; the median of many, each undone again."""
    costs = []
    for _ in range(50):
        now = clock.now()
        session = db.db.session.session_factory()
        with session:
            began = time.perf_counter()
            waiting = claim.peek(session, now, (), 10)
            chosen = [claim.Candidate(seq, due.endpoint_id) for due in waiting for seq in due.seqs][:64]
            assert len(claim.take(session, chosen, now, 30_000)) == 64
            costs.append((time.perf_counter() - began) * 1000)
            session.rollback()
    return statistics.median(costs)


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _median(rates: Sequence[Rate]) -> float:
    return statistics.median(rate.microseconds for rate in rates)


def _line(name: str, rates: Sequence[Rate]) -> str:
    costs = [rate.microseconds for rate in rates]
    speed = statistics.median(rate.per_second for rate in rates)
    spread = f"{min(costs):,.0f}–{max(costs):,.0f} µs in {len(costs)} rounds"
    return table.line(name, f"{statistics.median(costs):,.0f}", f"{speed:,.0f}", spread)
