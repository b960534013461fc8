"""msidp as a process of its own, started as `msidp up` starts it."""

import fcntl
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from msidp.demo.web import DemoError

READY_WITHIN = 60.0  # seconds; a slow machine's first start makes keys and tables
STOP_WITHIN = 20.0
_DEFAULT_PORT = 8000


class Server:
    """A running msidp with an instance of its own, which no setting of the caller's reaches."""

    def __init__(self, instance: Path, log: Path, port: int | None, before_exec: Callable[[], None]) -> None:
        """`log` takes what it says; without a `port` it is the usual one, or any other where that is taken.

        `before_exec` runs in the child, which must not outlive the demo.
        """
        start_afresh(instance, log)
        self.instance = instance
        self.log = log
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MSIDP_")},
            "MSIDP_INSTANCE_DIR": str(instance),
            "MSIDP_OUTBOUND_ALLOW_HTTP": "1",
            "MSIDP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
        }
        self._lines: queue.Queue[str | None] = queue.Queue()
        began = time.monotonic()
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                [*_MSIDP, "up", "--port", str(port or _free_port())],
                stdout=subprocess.PIPE, stderr=output, stdin=subprocess.DEVNULL, env=self._environment,
                start_new_session=True, preexec_fn=before_exec,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.base_url = self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        self.ready_after = time.monotonic() - began

    def command(self, *arguments: str) -> Any:
        """Run a `msidp` command on the same instance; the JSON it prints. Raises DemoError."""
        run = subprocess.run(  # noqa: S603  # our own command
            [*_MSIDP, *arguments, "--json"],
            capture_output=True,
            text=True,
            env=self._environment,
            check=False,
        )
        if run.returncode != 0:
            raise DemoError(f"msidp {' '.join(arguments)} failed: {run.stderr.strip()[-300:]}")
        return json.loads(run.stdout)

    def setup_link(self) -> str:
        """The link that makes the dashboard's first operator, printed after `ready:`. Raises DemoError."""
        while line := self._lines.get(timeout=READY_WITHIN):
            if line.startswith("set up the dashboard"):
                return line.split()[-1]
        raise DemoError("msidp up printed no set-up link")

    def stop(self) -> int:
        """Stop it as SIGTERM does, the hard way after a while; its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._reader.join(1)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        for line in self._process.stdout:
            self._lines.put(line.decode("utf-8", "replace").strip())
        self._lines.put(None)

    def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise DemoError(f"msidp up was not ready after {READY_WITHIN:.0f} s") from None
            if line is None:
                raise DemoError("msidp up ended before it was ready")
            if line.startswith("ready: "):
                return line.removeprefix("ready: ")


_MSIDP = (sys.executable, "-m", "msidp")


def start_afresh(instance: Path, log: Path) -> None:
    """An empty directory for an instance, in place of what an earlier demo left there.

    Raises DemoError where another demo is using it, or where it is not a demo's.
    """
    if instance.is_dir() and any(instance.iterdir()):
        if not log.exists():
            raise DemoError(f"{instance} is not a demo's, and is left alone")
        lock = instance / "up.lock"  # held by every process of msidp up (see msidp.cli.up)
        lock.touch()
        with lock.open() as file:
            _wait_for(file)
            shutil.rmtree(instance)
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)


def _wait_for(lock: IO[str]) -> None:
    """Take the lock. A demo that was killed a moment ago may still be ending."""
    for _ in range(50):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return
    raise DemoError("another demo is running; stop it first")


def _free_port() -> int:
    """The usual port, or any other where that is taken."""
    for port in (_DEFAULT_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise DemoError("no TCP port is free on 127.0.0.1")
