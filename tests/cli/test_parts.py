"""The parts on their own: several machines, PostgreSQL, a Redis that comes and goes."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from rq import Queue
from rq.serializers import JSONSerializer
from tests.support.instance import environment, eventually, msidp
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.receiver import Receiver
from tests.support.valkey import ValkeyServer

from msidp import queue

MODULE = ("-m", "msidp")
# As Python 3.14 does of itself; older ones fork.
_SET = "import multiprocessing; multiprocessing.set_start_method('forkserver')"
BY_FORKSERVER = ("-c", f"{_SET}; from msidp.__main__ import main; main()")


@pytest.fixture
def own_valkey() -> Iterator[ValkeyServer]:
    """One that the test may stop."""
    server = ValkeyServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def migrated(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment that all parts of one site have in common."""
    postgres.create_database("parts")
    env = environment(
        MSIDP_DATABASE_URL=postgres.url("parts"),
        MSIDP_SECRET_KEY="one-and-the-same-on-every-machine",
        MSIDP_INSTANCE_DIR=str(tmp_path_factory.mktemp("parts")),
    )
    assert msidp("migrate", env=env).returncode == 0
    yield env
    postgres.drop_database("parts")


@contextmanager
def part(
    *arguments: str, env: dict[str, str], log: Path, start: tuple[str, ...] = MODULE
) -> Iterator["subprocess.Popen[bytes]"]:
    """One part. It ends well at SIGTERM."""
    with log.open("ab") as stderr:
        process = subprocess.Popen([sys.executable, *start, *arguments], env=env, stderr=stderr)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def status(base_url: str) -> str:
    try:
        return str(requests.get(f"{base_url}/readyz", timeout=5).json()["status"])
    except requests.ConnectionError:
        return "not listening"


def jobs(valkey: ValkeyServer, name: str = queue.WEBHOOKS) -> Queue:
    return Queue(name, connection=valkey.client, serializer=JSONSerializer)


def test_web_worker_and_cron_make_a_site(
    migrated: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path
) -> None:
    port = free_port()
    env = {**migrated, "MSIDP_REDIS_URL": own_valkey.url}
    with (
        part("web", "--port", str(port), "--workers", "2", env=env, log=tmp_path / "web.log") as web,
        part("worker", env=env, log=tmp_path / "worker.log"),
        part("cron", env=env, log=tmp_path / "cron.log"),
    ):
        eventually(lambda: status(f"http://127.0.0.1:{port}") == "ready")
        started = json.loads((tmp_path / "web.log").read_text().partition("\n")[0])
        assert (started["event"], started["part"], started["port"]) == ("started", "web", port)
        assert Path(f"/proc/{web.pid}/comm").read_text() == "msidp-web\n"
        eventually(lambda: '"event": "cleaned"' in (tmp_path / "worker.log").read_text())
        discovery = requests.get(f"http://127.0.0.1:{port}/jwks", timeout=5)
        assert [key["alg"] for key in discovery.json()["keys"]] == ["RS256", "PS256", "ES256", "EdDSA"]


def test_web_starts_however_python_starts_processes(migrated: dict[str, str], tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "web.log"
    with part("web", "--port", str(port), env=migrated, log=log, start=BY_FORKSERVER) as web:
        eventually(lambda: web.poll() is not None or status(f"http://127.0.0.1:{port}") == "degraded")


def test_web_answers_without_a_queue_and_says_so(
    migrated: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path
) -> None:
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    env = {**migrated, "MSIDP_REDIS_URL": own_valkey.url}
    with part("web", "--port", str(port), env=env, log=tmp_path / "web.log"):
        eventually(lambda: status(base_url) == "ready")
        own_valkey.halt()
        assert status(base_url) == "degraded"
        assert requests.get(f"{base_url}/jwks", timeout=5).status_code == 200
        own_valkey.start()
        assert status(base_url) == "ready"


def test_web_without_a_database_is_unavailable(tmp_path: Path, postgres: PostgresServer) -> None:
    postgres.create_database("leaving")
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    env = environment(
        MSIDP_DATABASE_URL=postgres.url("leaving"), MSIDP_INSTANCE_DIR=str(tmp_path / "instance")
    )
    log = tmp_path / "worker.log"
    with (
        part("web", "--port", str(port), env=env, log=tmp_path / "web.log"),
        part("worker", "--poll", env=env, log=log),
    ):
        eventually(lambda: status(base_url) == "unavailable")  # it has no tables yet
        waiting = json.loads(eventually(log.read_text))
        assert (waiting["level"], "msidp migrate" in waiting["mend"]) == ("warning", True)
        assert "/leaving" in waiting["database"]
        assert msidp("migrate", env=env).returncode == 0
        eventually(lambda: '"event": "cleaned"' in log.read_text())
        assert "exception" not in log.read_text()
        eventually(lambda: status(base_url) == "degraded")  # but no queue
        postgres.drop_database("leaving")
        answer = requests.get(f"{base_url}/readyz", timeout=10)
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == {"ok": False, "message": "does not answer"}
        assert requests.get(f"{base_url}/healthz", timeout=5).status_code == 200


def test_worker_and_cron_outlive_a_restart_of_redis(
    migrated: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path
) -> None:
    env = {**migrated, "MSIDP_REDIS_URL": own_valkey.url}
    log = tmp_path / "worker.log"
    with (
        part("cron", env=env, log=tmp_path / "cron.log") as cron,
        part("worker", env=env, log=log) as worker,
    ):
        eventually(lambda: '"event": "cleaned"' in log.read_text())
        own_valkey.halt()
        eventually(lambda: '"event": "the queue is away"' in (tmp_path / "cron.log").read_text())
        own_valkey.start()  # it comes back empty
        eventually(lambda: log.read_text().count('"event": "cleaned"') > 1, timeout=40)
        own_valkey.client.flushall()
        jobs(own_valkey).enqueue("msidp.ops.housekeeping.clean", result_ttl=0)
        eventually(lambda: log.read_text().count('"event": "cleaned"') > 2, timeout=40)
        eventually(lambda: own_valkey.client.scard("rq:workers") == 1)  # doctor and /metrics count it again
        assert (worker.poll(), cron.poll()) == (None, None)


def test_worker_and_cron_wait_for_a_redis_that_is_not_there_yet(
    migrated: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path
) -> None:
    own_valkey.halt()
    env = {**migrated, "MSIDP_REDIS_URL": own_valkey.url}
    log = tmp_path / "worker.log"
    with part("worker", env=env, log=log), part("cron", env=env, log=tmp_path / "cron.log"):
        eventually(lambda: '"event": "the queue is away"' in log.read_text())
        own_valkey.start()
        eventually(lambda: '"event": "cleaned"' in log.read_text(), timeout=40)


def test_housekeeping_waits_behind_no_flood_of_bells(
    migrated: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path
) -> None:
    env = {**migrated, "MSIDP_REDIS_URL": own_valkey.url}
    log = tmp_path / "worker.log"
    for _ in range(100):
        jobs(own_valkey).enqueue(queue.DRAIN, result_ttl=0)
    with part("cron", env=env, log=tmp_path / "cron.log"):
        eventually(lambda: jobs(own_valkey, queue.HOUSEKEEPING).count)
        with part("worker", env=env, log=log):
            eventually(lambda: '"event": "cleaned"' in log.read_text(), timeout=40)
            assert jobs(own_valkey).count > 50


def test_deliveries_do_not_wait_for_a_queue_that_hangs(
    migrated: dict[str, str], own_valkey: ValkeyServer, receiver: Receiver, tmp_path: Path
) -> None:
    port = free_port()
    env = {
        **migrated,
        "MSIDP_REDIS_URL": own_valkey.url,
        "MSIDP_OUTBOUND_ALLOW_HTTP": "1",
        "MSIDP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
    }
    with (
        part("web", "--port", str(port), env=env, log=tmp_path / "web.log"),
        part("worker", env=env, log=tmp_path / "worker.log"),
    ):
        eventually(lambda: status(f"http://127.0.0.1:{port}") == "ready")
        key = json.loads(msidp("api-key", "create", "--name", "tests", "--json", env=env).stdout)["secretKey"]
        eventually(lambda: own_valkey.client.scard("rq:workers") == 1)
        with own_valkey.frozen():
            for path, body in (
                ("/webhooks", {"name": "w", "url": receiver.url(), "dialect": "standard", "events": []}),
                ("/members", {"email": "meanwhile@example.com"}),
            ):
                url = f"http://127.0.0.1:{port}{path}"
                assert requests.post(url, json=body, headers={"X-API-KEY": key}, timeout=20).ok
            receiver.wait_for(1, timeout=15)


def test_jobs_on_the_queue_are_json(own_valkey: ValkeyServer, tmp_path: Path) -> None:
    """RQ's own cron would pickle them."""
    env = environment(MSIDP_REDIS_URL=own_valkey.url, MSIDP_INSTANCE_DIR=str(tmp_path / "instance"))
    with part("cron", env=env, log=tmp_path / "cron.log"):
        found = eventually(lambda: jobs(own_valkey).jobs)
        names = {job.func_name for job in found}
        names |= {job.func_name for job in eventually(lambda: jobs(own_valkey, queue.HOUSEKEEPING).jobs)}
    assert names == {queue.DRAIN, "msidp.ops.housekeeping.clean"}
    data = own_valkey.client.hget(found[0].key, "data")
    assert data is not None


def test_a_polling_worker_needs_neither_redis_nor_cron(
    migrated: dict[str, str], receiver: Receiver, tmp_path: Path
) -> None:
    port = free_port()
    env = {
        **migrated,
        "MSIDP_REDIS_URL": f"unix://{tmp_path}/nobody.sock",
        "MSIDP_OUTBOUND_ALLOW_HTTP": "1",
        "MSIDP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
    }
    log = tmp_path / "worker.log"
    with (
        part("web", "--port", str(port), env=env, log=tmp_path / "web.log"),
        part("worker", "--poll", env=env, log=log),
        part("worker", "--poll", env=env, log=tmp_path / "second.log"),
    ):
        eventually(lambda: status(f"http://127.0.0.1:{port}") == "degraded")
        key = json.loads(msidp("api-key", "create", "--name", "tests", "--json", env=env).stdout)["secretKey"]

        def post(path: str, body: dict[str, object]) -> None:
            url = f"http://127.0.0.1:{port}{path}"
            assert requests.post(url, json=body, headers={"X-API-KEY": key}, timeout=20).ok

        post("/webhooks", {"name": "w", "url": receiver.url(), "dialect": "standard", "events": []})
        for number in range(10):
            post("/members", {"email": f"{number}@polled.example"})
        receiver.wait_for(10, timeout=20)
        eventually(lambda: '"event": "cleaned"' in log.read_text())
    assert len(receiver.requests) == 10
    assert '"event": "stopped"' in log.read_text()
    assert "a round failed" not in log.read_text()
