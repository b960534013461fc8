"""The dashboard at a million members and five million deliveries: how soon each page is answered.

make bench ARGS=dashboard
"""

import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from bench import fill, table
from bench.load import Load, request
from bench.operations import Site
from bench.servers import Msidp
from msidp import clock, db
from msidp.app import create_core
from msidp.communities import service as communities
from msidp.operators import service as operators
from msidp.operators import sessions
from msidp.operators.service import NewOperator
from msidp.settings import Settings

MEMBERS, DELIVERIES = 1_000_000, 5_000_000
GOAL = 100.0  # milliseconds until the answer
REPEATED = 7
HOURS = 90 * 24
EVENTS = 1_000  # of one member
MEMBER = f"mem_{77:026d}"


def report(instance: Path, *, quick: bool) -> None:
    """Fill SQLite, and print how long each page took."""
    members, deliveries = (2_000, 5_000) if quick else (MEMBERS, DELIVERIES)
    directory = instance / "dashboard"
    directory.mkdir(mode=0o700)
    url = f"sqlite:///{directory / 'msidp.db'}"
    with ExitStack() as stack:
        msidp = stack.enter_context(Msidp(directory, MSIDP_DATABASE_URL=url))
        site = Site(stack.enter_context(Load(msidp.port)), msidp.base_url)
        site.prepare(msidp.command("api-key", "create", "--name", "bench")["secretKey"])
        site.add_webhook("https://127.0.0.1:8443/")
        site.admin("POST", "/members", {"email": "copied@example.com"})  # what the copies are made of
        began = time.monotonic()
        engine = create_engine(url)
        with engine.connect() as connection:
            paths = _fill(connection, members, deliveries)
        engine.dispose()
        cookie = f"msidp_operator={_operator(directory, url)}"
        title = f"dashboard on SQLite: {members:,} members on a plan, {deliveries:,} deliveries"
        print(table.title(f"{title} (filled in {time.monotonic() - began:.0f} s)"))
        print(table.line("", "ms", "worst"))
        for name, path in paths.items():
            requests = [request("GET", path, {"Cookie": cookie})] * REPEATED
            answers = site.load.send(requests, connections=1)
            assert {answer.status for answer in answers} == {200}, path
            times = [answer.seconds * 1000 for answer in answers]
            middle = statistics.median(times)
            goal = table.judged(round(middle, 1), GOAL, "ms")
            print(table.line(name, f"{middle:,.1f}", f"{max(times):,.1f}", goal))


def _fill(connection: Connection, members: int, deliveries: int) -> dict[str, str]:
    """Copies of what the site has made. Returns the pages to open."""
    fill.prepare(connection)
    webhook = connection.scalar(text("SELECT id FROM webhook_endpoint LIMIT 1"))
    fill.copy_members(connection, members)
    plan = "SELECT max(id) FROM plan"
    now, community = clock.now(), "SELECT id FROM community LIMIT 1"
    connection.exec_driver_sql(
        "INSERT INTO plan (id, community_id, name, priority, status, created_at) "
        f"VALUES ('pln_bench', ({community}), 'Bench', 0, 'ACTIVE', {now})"
    )
    connection.exec_driver_sql(
        "INSERT INTO plan_connection (id, community_id, member_id, plan_id, status, created_at) "
        f"SELECT 'con_' || id, community_id, id, ({plan}), 'ACTIVE', created_at FROM member"
    )
    connection.commit()
    changed = {
        "id": "'delivery-' || n",
        "origin": "'bench-' || n",
        "status": "CASE n % 200 WHEN 0 THEN 'failed' WHEN 1 THEN 'exhausted' ELSE 'succeeded' END",
        **dict.fromkeys(("due_at", "lease_token", "resume_at"), "NULL"),
        "settled_at": str(now),
    }
    first_one = "seq = (SELECT min(seq) FROM delivery)"
    fill.copy(connection, "delivery", first_one, deliveries, changed)
    _history(connection, changed)
    first = now - now % clock.HOUR - (HOURS - 1) * clock.HOUR
    hours = f"WITH RECURSIVE hours(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM hours WHERE n < {HOURS - 1})"
    spans = ", ".join(["7"] * 12)
    connection.exec_driver_sql(
        f"INSERT OR IGNORE INTO endpoint_hour {hours} "
        f"SELECT '{webhook}', {first} + n * {clock.HOUR}, 90, 5, 1, {spans} FROM hours"
    )
    connection.exec_driver_sql(
        f"INSERT OR IGNORE INTO community_hour {hours} "
        f"SELECT ({community}), {first} + n * {clock.HOUR}, 460, 0, 900, 40 FROM hours"
    )
    connection.commit()
    member = MEMBER
    span = "from=2020-01-01&until=2020-01-02"
    event = "evt_00000000000000000000000001"
    middle = connection.scalar(text("SELECT max(seq) / 2 FROM member"))
    return {
        "overview, 24 hours": "/dashboard?range=24h",
        "overview, 90 days": "/dashboard?range=90d",
        "members": "/dashboard/members",
        "members, in the middle": f"/dashboard/members?after={middle}",
        "members, common start": "/dashboard/members?q=member-",
        "members, rare start": "/dashboard/members?q=member-77777",
        "members, nobody": "/dashboard/members?q=zz",
        "one member": f"/dashboard/members/{member}",
        "plans": "/dashboard/plans",
        "webhooks": "/dashboard/webhooks",
        "one webhook, 90 days": f"/dashboard/webhooks/{webhook}?range=90d",
        "deliveries": "/dashboard/deliveries",
        "deliveries, failed": "/dashboard/deliveries?status=failed",
        "deliveries, exhausted of one": f"/dashboard/deliveries?status=exhausted&webhook={webhook}",
        "deliveries, pending (none)": "/dashboard/deliveries?status=pending",
        "deliveries of one event": f"/dashboard/deliveries?q={event}",
        "deliveries of one member": f"/dashboard/deliveries?q={member}",
        "deliveries, failed in a span": f"/dashboard/deliveries?status=failed&{span}",
        "deliveries, long ago": "/dashboard/deliveries?until=2020-01-02",
        "events of one member": f"/dashboard/events?q={member}",
        "one delivery": "/dashboard/deliveries/delivery-77777" if deliveries > 77_777 else "/dashboard/jobs",
        "events": "/dashboard/events",
        "audit log": "/dashboard/audit-log",
        "jobs": "/dashboard/jobs",
    }


def _history(connection: Connection, changed: dict[str, str]) -> None:
    """One member's own events, with a delivery each."""
    event = "'evt_' || lpad(CAST(n AS text), 26, '0')"
    happened = {"id": event, "member_id": f"'{MEMBER}'"}
    fill.copy(connection, "event", "seq = (SELECT min(seq) FROM event)", EVENTS, happened)
    body = "event_id = (SELECT event_id FROM delivery ORDER BY seq LIMIT 1) LIMIT 1"
    fill.copy(connection, "event_body", body, EVENTS, {"event_id": event})
    told = changed | {"id": "'told-' || n", "event_id": event}
    fill.copy(connection, "delivery", "seq = (SELECT min(seq) FROM delivery)", EVENTS, told)


def _operator(directory: Path, url: str) -> str:
    """An owner's session."""
    app = create_core(Settings(instance_dir=directory, database_url=url).completed())
    with app.app_context(), db.transaction() as session:
        community_id = communities.ensure_default(session).id
        link = operators.invite(session, community_id, "bench@example.com", "owner")
        made = operators.accept(session, link.token, NewOperator("bench@example.com", "Bench", ""))
        assert made is not None
        return sessions.start(session, made, address=None, user_agent=None)
