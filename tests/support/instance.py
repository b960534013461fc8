"""A real `msidp up` with all its processes, for tests from the outside."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.commands import run
from tests.support.ports import free_port

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
DEFAULTS = {
    "MSIDP_OUTBOUND_ALLOW_HTTP": "1",
    "MSIDP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
    "MSIDP_WEBHOOK_RETRY_SCHEDULE": "0,1,1,1,1",
}


def eventually(condition: Callable[[], Any], timeout: float = 60.0, what: str = "") -> Any:
    """Ask until the answer is true, and return it. Fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} seconds: {what or condition}"
        time.sleep(0.02)
    return answer


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these MSIDP_ settings and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("MSIDP_")}
    return {**others, **settings}


def msidp(*arguments: str, env: dict[str, str], timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "msidp", *arguments],
        env=env, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def new_secret_key(env: dict[str, str]) -> str:
    """Make a secret key of the Admin API for the instance with these settings."""
    made = run("api-key", "create", "--name", "tests", "--json", env=env)
    assert made.exit_code == 0, made.stderr
    return str(json.loads(made.stdout)["secretKey"])


def children(pid: int) -> list[int]:
    """The living processes that this one started."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in listed.split() if alive(int(child))]


def descendants(pid: int) -> list[int]:
    """The living processes below this one."""
    found = children(pid)
    return found + [below for child in found for below in descendants(child)]


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


class Instance:
    """`msidp up` on an instance directory of its own. Use it in a `with` statement, or start() and stop().

    The roles of its processes are `web`, `worker`, `cron` and `valkey`; `web-1` is the process below
    `web` that answers requests. `settings` override DEFAULTS; `database_url` and `redis_url` take the
    place of SQLite and the embedded Valkey.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str = "",
        redis_url: str = "",
        settings: dict[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.env = environment(
            MSIDP_INSTANCE_DIR=str(directory),
            MSIDP_DATABASE_URL=database_url,
            MSIDP_REDIS_URL=redis_url,
            **{**DEFAULTS, **(settings or {})},
        )
        self.log = directory / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.stop()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "msidp", "up", "--port", str(self.port)],
                env=self.env, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        try:
            assert self._first_line() == f"ready: {self.base_url}", self.errors()
        except BaseException:
            self.stop()
            raise

    def _first_line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(START_TIMEOUT), f"not ready in {START_TIMEOUT} seconds\n{self.errors()}"
        return self.process.stdout.readline().decode().strip()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal the supervisor and return its exit status; negative is the signal that ended it."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            return process.wait(STOP_TIMEOUT)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def errors(self) -> str:
        """The end of what it wrote on standard error."""
        return self.log.read_text()[-4000:]

    def logged(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def pids(self) -> dict[str, int]:
        """The process of each role that lives now."""
        assert self.process is not None
        found = {}
        for pid in descendants(self.process.pid):
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[name.removeprefix("msidp-").removesuffix("-server")] = pid
        return found

    def kill(self, role: str, number: int = signal.SIGKILL) -> int:
        """Signal the process of a role and return its id."""
        pid = eventually(lambda: self.pids().get(role), what=f"a process for {role}")
        os.kill(pid, number)
        return int(pid)

    def all_pids(self) -> list[int]:
        """Every process of this instance, the supervisor first."""
        assert self.process is not None
        return [self.process.pid, *descendants(self.process.pid)]

    def command(self, *arguments: str) -> Any:
        """What an `msidp` command of this instance prints with --json."""
        done = msidp(*arguments, "--json", env=self.env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @cached_property
    def secret_key(self) -> str:
        """A secret key of the Admin API."""
        return new_secret_key(self.env)
