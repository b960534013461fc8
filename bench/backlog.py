"""What a claim costs while the log of deliveries grows.

make bench ARGS=backlog       10,000 to 5,000,000 rows in the delivery table; minutes
"""

import statistics
import time
from pathlib import Path

from sqlalchemy import text
from tests.support.postgres import PostgresServer

from bench import table
from bench.fleet import Fleet
from msidp import clock, db
from msidp.webhooks import claim

ENDPOINTS = 25
SIZES = (10_000, 1_000_000, 5_000_000)


def report(instance: Path, *, quick: bool = False) -> None:
    """What a claim of 64 costs, however long the log of deliveries has become."""
    sizes = (1_000, 2_000) if quick else SIZES
    server = PostgresServer()
    try:
        server.create_database("backlog")
        for name, url in (("SQLite", ""), ("PostgreSQL", server.url("backlog"))):
            print(table.title(f"a look and a claim of 64, by rows in the delivery table, {name}"))
            print(table.line("", "ms", ""))
            with Fleet(instance / f"backlog-{name}", database_url=url, workers=0) as fleet:  # nothing is sent
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
