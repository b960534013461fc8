"""Nothing that was committed is lost: whatever process is killed, and when the queue is wiped."""

import json
import signal
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
import redis
import requests
from tests.support.instance import Instance, eventually
from tests.support.postgres import PostgresServer
from tests.support.receiver import Answer, Receiver

# A lease lasts three time-outs: so short a one brings a dead worker's deliveries back in seconds.
FAST = {"MSIDP_WEBHOOK_TIMEOUT": "1", "MSIDP_WEBHOOK_RETRY_SCHEDULE": "0,0.5,0.5,0.5,0.5"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(host="127.0.0.1") as listening:
        yield listening


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    server.create_database("faults")
    yield server.url("faults")
    server.drop_database("faults")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory, shared_url: str) -> Iterator[Instance]:
    """One for all tests of a database; each leaves it whole."""
    folder = tmp_path_factory.mktemp("faults") / "instance"
    with Instance(folder, database_url=shared_url, settings=FAST) as running:
        yield running


class Site:
    """What the tests do over the Admin API."""

    def __init__(self, instance: Instance, receiver: Receiver) -> None:
        self.instance = instance
        self.headers = {"X-API-KEY": instance.secret_key}
        self.webhook = self.post(
            "/webhooks", {"name": "ledger", "url": receiver.url(), "dialect": "standard", "events": []}
        )["id"]

    def post(self, path: str, body: dict[str, object]) -> dict[str, str]:
        url = self.instance.base_url + path
        answer = requests.post(url, json=body, headers=self.headers, timeout=20)
        assert answer.status_code in (200, 201), answer.text
        data: dict[str, str] = answer.json()["data"]
        return data

    def create_member(self) -> str:
        return self.post("/members", {"email": f"{uuid.uuid4().hex}@example.com"})["id"]

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.instance.base_url}/readyz", timeout=20).ok
        except requests.ConnectionError:
            return False

    def delete_webhook(self) -> None:
        url = f"{self.instance.base_url}/webhooks/{self.webhook}"
        assert requests.delete(url, headers=self.headers, timeout=20).ok

    def deliveries(self) -> list[dict[str, object]]:
        answer = requests.get(
            f"{self.instance.base_url}/webhooks/{self.webhook}/deliveries?first=100",
            headers=self.headers, timeout=20,
        )  # fmt: skip
        data: list[dict[str, object]] = answer.json()["data"]
        return data

    def statuses(self) -> Counter[str]:
        return Counter(str(delivery["status"]) for delivery in self.deliveries())


@pytest.fixture
def site(instance: Instance, receiver: Receiver) -> Iterator[Site]:
    site = Site(instance, receiver)
    yield site
    eventually(site.answers, what="the site, whose web process may have been killed a moment ago")
    site.delete_webhook()


def members_heard(receiver: Receiver) -> Counter[str]:
    """The members that the ledger has heard of, each with the number of requests."""
    bodies = [json.loads(request.body) for request in receiver.received("/hook")]
    return Counter(body["data"]["id"] for body in bodies if body["type"] == "member.created")


def connect(instance: Instance, shared_url: str) -> Any:
    """A connection to the database, past the site."""
    if shared_url:
        return psycopg.connect(shared_url.replace("+psycopg", ""))
    return closing(sqlite3.connect(instance.directory / "msidp.db", timeout=15, isolation_level=None))


def members_in_the_database(instance: Instance, shared_url: str) -> int:
    """How many there are, without asking the site."""
    with connect(instance, shared_url) as connection:
        [count] = connection.execute("SELECT count(*) FROM member").fetchone() or (0,)
        return int(count)


def copy_the_latest_event(instance: Instance, shared_url: str, count: int) -> set[str]:
    """So many events more that nobody was told of; their ids."""
    columns = "community_id, type, occurred_at, data, created_at"
    with connect(instance, shared_url) as connection:
        [latest] = connection.execute("SELECT max(id) FROM event").fetchone()
        made = {f"{latest[:-5]}{number:05}" for number in range(count)} - {latest}
        values = ", ".join(f"('{each}')" for each in made)
        connection.execute(
            f"WITH made (id) AS (VALUES {values}) INSERT INTO event (id, {columns}) "  # noqa: S608  # our own
            f"SELECT made.id, {columns} FROM made, event WHERE event.id = '{latest}'"
        )
    return made


def test_a_worker_killed_in_the_middle_of_a_delivery(
    instance: Instance, site: Site, receiver: Receiver
) -> None:
    receiver.script("/hook", Answer(delay=60), Answer())
    member = site.create_member()
    receiver.wait_for(1, "/hook")
    instance.kill("worker")
    receiver.wait_for(2, "/hook", timeout=20)
    assert members_heard(receiver) == {member: 2}
    eventually(lambda: site.statuses() == {"succeeded": 1})


def test_the_web_process_killed_between_the_commit_and_the_doorbell(
    instance: Instance, site: Site, receiver: Receiver, shared_url: str
) -> None:
    """The queue is frozen, so that the request hangs at the doorbell with its change committed."""
    before = members_in_the_database(instance, shared_url)
    instance.kill("valkey", signal.SIGSTOP)

    def create() -> None:
        with pytest.raises(requests.RequestException):
            site.create_member()

    lost = threading.Thread(target=create)
    lost.start()
    eventually(lambda: members_in_the_database(instance, shared_url) == before + 1)
    instance.kill("web-1")
    lost.join()
    assert receiver.received("/hook") == []
    instance.kill("valkey", signal.SIGCONT)
    receiver.wait_for(1, "/hook", timeout=20)
    assert len(members_heard(receiver)) == 1
    eventually(site.answers)
    eventually(lambda: site.statuses() == {"succeeded": 1})


def test_a_wiped_queue(instance: Instance, site: Site, receiver: Receiver) -> None:
    """The worker is frozen while jobs gather, which are then wiped."""
    worker = instance.kill("worker", signal.SIGSTOP)
    members = {site.create_member() for _ in range(3)}
    with closing(redis.Redis(unix_socket_path=str(instance.directory / "valkey" / "valkey.sock"))) as queue:
        assert queue.exists("rq:queue:webhooks")
        queue.flushall()
    assert instance.kill("worker", signal.SIGCONT) == worker
    receiver.wait_for(3, "/hook", timeout=20)
    assert set(members_heard(receiver)) == members
    eventually(lambda: site.statuses() == {"succeeded": 3})


def test_everything_killed_at_once(instance: Instance, site: Site, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(delay=60), Answer())
    member = site.create_member()
    receiver.wait_for(1, "/hook")
    instance.stop(signal.SIGKILL)
    instance.start()
    receiver.wait_for(2, "/hook", timeout=20)
    assert members_heard(receiver) == {member: 2}


def test_a_replay_goes_on_whoever_is_killed(
    instance: Instance, site: Site, receiver: Receiver, shared_url: str
) -> None:
    """The worker and cron die twice, among slices and deliveries: each event's delivery is made once."""
    site.create_member()
    receiver.wait_for(1, "/hook")
    events = copy_the_latest_event(instance, shared_url, 1_200)
    site.post(f"/webhooks/{site.webhook}/replay", {"since": "2020-01-01T00:00:00Z"})
    for heard in (2, 400):
        receiver.wait_for(heard, "/hook", timeout=30)
        instance.kill("cron")
        instance.kill("worker")

    def made() -> tuple[int, int, int]:
        with connect(instance, shared_url) as connection:
            counts: tuple[int, int, int] = connection.execute(
                "SELECT count(*), count(DISTINCT event_id), count(due_at) FROM delivery "
                "WHERE origin IN (SELECT id FROM replay WHERE state = 'completed')"
            ).fetchone()
            return counts

    eventually(lambda: made()[0] and made()[2] == 0, what="the replay and its deliveries")
    deliveries, distinct, _ = made()
    assert deliveries == distinct > len(events)
    assert events <= {request.headers["webhook-id"] for request in receiver.received("/hook")}


def test_a_warm_stop_lets_the_attempt_in_hand_end(instance: Instance, site: Site, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(delay=0.5))
    site.create_member()
    receiver.wait_for(1, "/hook")
    assert instance.stop() == 0
    instance.start()
    eventually(lambda: site.statuses() == {"succeeded": 1})
    assert len(receiver.received("/hook")) == 1
