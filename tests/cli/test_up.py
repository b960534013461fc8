"""`msidp up` from the outside: it starts, heals, ends, and leaves nothing behind."""

import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
import requests
from tests.support.instance import Instance, alive, environment, eventually, msidp
from tests.support.ports import free_port
from tests.support.valkey import ValkeyServer

PARTS = {"web", "web-1", "worker", "cron", "valkey"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """One that tests share; each leaves it whole."""
    with Instance(tmp_path_factory.mktemp("up") / "instance") as instance:
        yield instance


def gone(pids: list[int]) -> bool:
    return not any(alive(pid) for pid in pids)


def ready(instance: Instance) -> bool:
    try:
        answer = requests.get(f"{instance.base_url}/readyz", timeout=5)
    except requests.ConnectionError:
        return False
    return answer.status_code == 200 and answer.json()["status"] == "ready"


def test_it_answers_with_all_its_parts(running: Instance) -> None:
    # the process that prints the set-up link may still end
    eventually(lambda: set(running.pids()) == PARTS, what="all parts and no more")
    assert requests.get(f"{running.base_url}/healthz", timeout=5).json() == {"status": "alive"}
    checks = requests.get(f"{running.base_url}/readyz", timeout=5).json()["checks"]
    assert {name for name, check in checks.items() if check["ok"]} == {
        "database", "migrations", "keys", "queue",
    }  # fmt: skip


def test_the_commands_work_beside_it(running: Instance) -> None:
    key = running.command("api-key", "create", "--name", "beside")
    assert key["id"].startswith("key_")
    assert key["secretKey"].startswith("sk_")
    community = running.command("community", "show")
    assert community["appId"].startswith("app_")
    assert community["publicKey"].startswith("pk_")
    invited = running.command("operator", "create", "--email", "vera@example.com")
    assert invited["link"].startswith(
        f"{running.base_url}/dashboard/setup?token="
    )  # its port, not the usual one


def test_only_its_user_may_look(running: Instance) -> None:
    """Database, keys and the queue's socket are for the user alone, and Valkey has no port."""
    for path in running.directory.rglob("*"):
        if path != running.log and not path.is_symlink():
            assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path
    client = redis.Redis(unix_socket_path=str(running.directory / "valkey" / "valkey.sock"))
    settings = client.config_get("*")
    assert (settings["port"], settings["appendonly"], settings["maxmemory-policy"]) == (
        "0", "yes", "noeviction",
    )  # fmt: skip
    client.close()


def test_the_supervisor_itself_holds_no_connection(running: Instance) -> None:
    """It forks: a connection of its own would be shared with every part."""
    pid = running.all_pids()[0]
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [link for link in links if link.startswith("socket:") or ".db" in link]
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1  # and no thread that a fork would lose


def test_all_processes_together_fit_in_250_megabytes(running: Instance) -> None:
    """Proportional set size: memory that they share is counted once."""
    kilobytes = 0
    for pid in running.all_pids():
        with suppress(
            ProcessLookupError, FileNotFoundError
        ):  # what has just printed the set-up link has ended
            told = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            kilobytes += sum(int(line.split()[1]) for line in told if line.startswith("Pss:"))
    assert 50_000 < kilobytes < 250_000


@pytest.mark.parametrize("role", ["web", "web-1", "worker", "cron", "valkey"])
def test_a_part_that_is_killed_is_restarted(running: Instance, role: str) -> None:
    below = running.pids()["web-1"]
    before = running.kill(role)
    if role == "web":
        eventually(lambda: gone([below]), what="the end of the process below")
    eventually(lambda: running.pids().get(role, before) != before, what=f"a new {role}")
    eventually(lambda: set(running.pids()) == PARTS and ready(running), what="all parts")


def test_a_request_id_is_taken_over_and_queries_stay_out_of_the_log(running: Instance) -> None:
    answer = requests.get(
        f"{running.base_url}/healthz?code=secret-code", headers={"X-Request-Id": "from-a-proxy-1"}, timeout=5
    )
    assert answer.headers["X-Request-Id"] == "from-a-proxy-1"
    [line] = [line for line in running.logged() if line.get("request_id") == "from-a-proxy-1"]
    assert line["path"] == "/healthz"
    assert (line["method"], line["status"], line["level"]) == ("GET", 200, "info")
    assert "secret-code" not in running.log.read_text()


def test_a_second_one_on_the_same_instance_says_so(running: Instance) -> None:
    second = msidp("up", "--port", "1", env=running.env)
    assert second.returncode == 1
    assert f"already runs on {running.directory} (process {running.all_pids()[0]})" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_taken_port_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "instance")
    with socket.socket() as other:
        other.bind(("127.0.0.1", instance.port))
        other.listen()
        done = msidp("up", "--port", str(instance.port), env=instance.env)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {instance.port}" in done.stderr
    assert not (instance.directory / "valkey").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(tmp_path: Path, number: int) -> None:
    instance = Instance(tmp_path / "instance")
    instance.start()
    pids = eventually(lambda: len(found := instance.all_pids()) == 1 + len(PARTS) and found)
    assert instance.stop(number) == 0
    assert gone(pids)


def test_a_path_with_white_space_works_like_any_other(tmp_path: Path) -> None:
    with Instance(tmp_path / "ä place of its own") as instance:
        eventually(lambda: msidp("doctor", env=instance.env).returncode == 0, what="a worker")


def test_a_stop_during_the_start_is_a_clean_one_too(tmp_path: Path) -> None:
    directory = tmp_path / "instance"
    process = subprocess.Popen(
        [sys.executable, "-m", "msidp", "up", "--port", str(free_port())],
        env=environment(MSIDP_INSTANCE_DIR=str(directory)), stderr=subprocess.PIPE,
    )  # fmt: skip
    eventually(lambda: (directory / "up.lock").exists())
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert b"Traceback" not in errors


def test_after_a_kill_nothing_is_left_and_the_next_one_takes_over(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "instance")
    instance.start()
    pids = instance.all_pids()
    community = instance.command("community", "show")
    assert instance.stop(signal.SIGKILL) == -signal.SIGKILL
    with instance:
        assert gone(pids)
        assert instance.command("community", "show") == community
        instance.kill("web-1")  # a stop that meets a part at its start is not swallowed
        begin = time.monotonic()
        assert instance.stop() == 0
        assert time.monotonic() - begin < 8


def test_with_a_queue_of_ones_own_it_starts_none(tmp_path: Path, valkey: ValkeyServer) -> None:
    valkey.client.flushall()
    with Instance(tmp_path / "instance", redis_url=valkey.url) as instance:
        eventually(lambda: set(instance.pids()) == PARTS - {"valkey"}, what="all parts but the queue")
        assert ready(instance)


def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    url = f"postgresql://postgres@/none?host={tmp_path}"
    instance = Instance(tmp_path / "instance", database_url=url)
    done = msidp("up", "--port", str(instance.port), env=instance.env)
    assert done.returncode == 1
    assert "The database refuses: " in done.stderr
    assert "Traceback" not in done.stderr
