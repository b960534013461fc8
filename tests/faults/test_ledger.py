"""Under fire: whatever is killed, stopped or wiped, the ledger has every committed delivery in the end.

`make endurance` runs the same for a minute each, with Redis stopped for a minute.
"""

import os
import random
import signal
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import redis
import requests
from tests.support.cluster import WORKERS, Cluster
from tests.support.instance import Instance, eventually
from tests.support.postgres import PostgresServer
from tests.support.receiver import Answer, Receiver

LONG = float(os.environ.get("MSIDP_ENDURANCE", "0"))  # seconds
FIRE = LONG or 6.0
REDIS_AWAY = LONG or 2.0
TIMEOUT = 2.0
LEASE = 3 * TIMEOUT
FAST = {"MSIDP_WEBHOOK_TIMEOUT": str(TIMEOUT), "MSIDP_WEBHOOK_RETRY_SCHEDULE": "0,0.5,0.5,0.5,0.5"}
PATHS = ("/a", "/b", "/c")
Fault = Callable[[], None]
Record = Callable[[str, object], None]


@pytest.fixture
def ledger() -> Iterator[Receiver]:
    with Receiver(host="127.0.0.1") as listening:
        for path in PATHS:
            listening.script(path, Answer(delay=0.01))
        yield listening


@dataclass
class Community:
    """Those who sign up meanwhile, and what the site said to them."""

    base_url: str
    secret_key: str
    over: threading.Event = field(default_factory=threading.Event)
    welcomed: set[str] = field(default_factory=set)

    def post(self, path: str, body: Mapping[str, object]) -> str:
        answer = requests.post(
            self.base_url + path, json=body, headers={"X-API-KEY": self.secret_key}, timeout=5
        )
        assert answer.ok, answer.text
        return str(answer.json()["data"]["id"])

    def register(self, ledger: Receiver) -> None:
        for path in PATHS:
            webhook = {"name": path, "url": ledger.url(path), "dialect": "standard", "events": []}
            self.post("/webhooks", webhook)

    def sign_up(self) -> None:
        """One after the other until it is over. An answer that got lost tells nothing."""
        while not self.over.is_set():
            try:
                self.welcomed.add(self.post("/members", {"email": f"{uuid.uuid4().hex}@example.com"}))
            except (requests.RequestException, AssertionError):
                self.over.wait(0.05)


Rows = Sequence[tuple[str, str, str]]


def on_sqlite(path: Path, query: str) -> Rows:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def on_postgresql(url: str, query: str) -> Rows:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute(query).fetchall()


DELIVERIES = """
    SELECT delivery.event_id, webhook_endpoint.name, delivery.status FROM delivery
    JOIN webhook_endpoint ON webhook_endpoint.id = delivery.endpoint_id
"""


def endure(
    community: Community,
    ledger: Receiver,
    query: Callable[[str], Rows],
    faults: Sequence[Fault],
    last: Sequence[Fault],
) -> str:
    """Sign members up under fire, then wait until all is settled; what it came to, in one line."""
    chance = random.Random(7)  # noqa: S311  # which process dies next is no secret
    community.register(ledger)
    visitors = [threading.Thread(target=community.sign_up) for _ in range(2)]
    for thread in visitors:
        thread.start()
    end = time.monotonic() + FIRE
    deck: list[Fault] = []
    fired = 0
    while time.monotonic() < end:
        deck = deck or chance.sample(list(faults), len(faults))
        deck.pop()()
        fired += 1
        time.sleep(chance.uniform(0.2, 0.6))
    for fault in last:
        fault()
    community.over.set()
    for thread in visitors:
        thread.join()
    ceased = time.monotonic()
    left = unsettled(query)
    eventually(lambda: not unsettled(query), timeout=60, what="every delivery settled")
    recovery = time.monotonic() - ceased
    if LONG:  # on a machine that does nothing else
        assert recovery <= LEASE + 2
    assert community.welcomed
    committed = {row[0] for row in query("SELECT id FROM member")}
    assert community.welcomed <= committed, "acknowledged, and gone"
    rows = query(DELIVERIES)
    assert len(rows) == len(PATHS) * len(committed), "committed without its deliveries"
    seen = Counter((request.headers["webhook-id"], request.path) for request in ledger.requests)
    lost = [row for row in rows if (row[0], row[1]) not in seen and row[2] != "exhausted"]
    assert lost == []
    states = Counter(status for *_, status in rows)
    assert set(states) <= {"succeeded", "exhausted"}
    repeated = sum(seen.values()) - len(seen)
    return (
        f"{fired} faults, {len(rows)} deliveries, 0 lost, {states['exhausted']} exhausted, "
        f"{repeated} repeated ({repeated / len(seen):.1%}), "
        f"the {left} that the last fault left settled within {recovery:.1f} s"
    )


def unsettled(query: Callable[[str], Rows]) -> int:
    return sum(status in ("pending", "failed") for *_, status in query(DELIVERIES))


def wipe(url: str) -> None:
    try:
        with closing(redis.Redis.from_url(url, retry=None)) as queue:
            queue.flushall()
    except redis.RedisError:
        pass  # it has just been killed


def test_msidp_up_on_sqlite(ledger: Receiver, tmp_path: Path, record_property: Record) -> None:
    directory = tmp_path / "instance"
    socket = directory / "valkey" / "valkey.sock"

    def kill(instance: Instance, role: str) -> Fault:
        def go() -> None:
            if (pid := instance.pids().get(role)) is not None:
                os.kill(pid, signal.SIGKILL)

        return go

    def freeze_queue(instance: Instance) -> None:
        pid = instance.kill("valkey", signal.SIGSTOP)
        time.sleep(REDIS_AWAY)
        os.kill(pid, signal.SIGCONT)

    def restart_all(instance: Instance) -> None:
        instance.stop(signal.SIGKILL)
        instance.start()

    with Instance(directory, settings=FAST) as instance:
        community = Community(instance.base_url, instance.secret_key)
        faults = [kill(instance, role) for role in ("web-1", "worker", "cron", "valkey")]
        faults.append(lambda: wipe(f"unix://{socket}"))
        summary = endure(
            community,
            ledger,
            lambda query: on_sqlite(directory / "msidp.db", query),
            faults,
            [lambda: freeze_queue(instance), lambda: restart_all(instance)],
        )
    record_property("ledger", f"msidp up, SQLite: {summary}")


@pytest.fixture
def shared_url(postgres: PostgresServer) -> Iterator[str]:
    postgres.create_database("ledger")
    yield postgres.url("ledger")
    postgres.drop_database("ledger")


@pytest.fixture
def cluster(shared_url: str, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path, shared_url, FAST) as running:
        yield running


def test_three_workers_on_postgresql(
    cluster: Cluster, shared_url: str, ledger: Receiver, record_property: Record
) -> None:
    def kill(name: str) -> Fault:
        return lambda: cluster.kill(name)

    def stop_redis() -> None:
        cluster.valkey.halt()
        time.sleep(REDIS_AWAY)
        cluster.valkey.start()  # it comes back empty

    def restart_redis() -> None:
        cluster.valkey.halt()
        cluster.valkey.start()

    faults = [*map(kill, cluster.names), restart_redis, lambda: wipe(cluster.valkey.url)]
    community = Community(cluster.base_url, cluster.secret_key())
    summary = endure(
        community,
        ledger,
        lambda query: on_postgresql(shared_url, query),
        faults,
        [kill("worker-1"), stop_redis],
    )
    back = _measure_recovery(cluster, community)
    record_property("ledger", f"three workers, PostgreSQL: {summary}")
    record_property(
        "ledger", f"a killed worker's delivery came back after {back:.1f} s; the lease is {LEASE} s"
    )


def _measure_recovery(cluster: Cluster, community: Community) -> float:
    """What a killed worker had in hand comes back when its lease ends: two seconds later at most."""
    eventually(lambda: cluster.answers() and cluster.valkey.client.scard("rq:workers") >= WORKERS)
    with Receiver(host="127.0.0.1") as patient:
        patient.script("/hook", Answer(delay=60), Answer())
        webhook = {"name": "patient", "url": patient.url(), "dialect": "standard", "events": []}
        community.post("/webhooks", webhook)
        community.post("/members", {"email": "patient@example.com"})
        (first,) = patient.wait_for(1, timeout=30)
        cluster.kill(cluster.connected_to(patient.port))
        second = patient.wait_for(2, timeout=30)[1]
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert second.at - first.at <= LEASE + 2
    return second.at - first.at
