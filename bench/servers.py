"""The servers that are measured: msidp as `msidp up` runs it, and a Flask hello on the same granian."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench import cpu


class Msidp:
    """`msidp up` on an instance of its own. `ready_after` is in seconds."""

    def __init__(self, instance: Path, authority: Path | None = None, **settings: str) -> None:
        """`authority` is the CA file behind the certificate of who receives its webhooks."""
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MSIDP_")},
            "MSIDP_INSTANCE_DIR": str(instance),
            "MSIDP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
            "MSIDP_OUTBOUND_CA_FILE": str(authority or ""),
            "MSIDP_RATE_LIMITS": "0",
            **settings,
        }
        self._log = (instance / "bench.log").open("wb")
        began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "msidp", "up", "--port", str(self.port)],
            stdout=subprocess.PIPE, stderr=self._log, env=self.environment, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line.startswith("ready: "):
            self.stop()
            raise RuntimeError(f"msidp up did not start: {Path(self._log.name).read_text()[-2000:]}")
        self.ready_after = time.monotonic() - began
        self.base_url = line.removeprefix("ready: ").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def command(self, *arguments: str) -> Any:
        """Run a `msidp` command on this instance; the JSON it prints."""
        run = subprocess.run(
            [sys.executable, "-m", "msidp", *arguments, "--json"],
            capture_output=True, text=True, env=self.environment, check=True,
        )  # fmt: skip
        return json.loads(run.stdout)

    def processes(self, prefix: str = "") -> list[int]:
        """Its processes, or those of one part: `msidp-web`, `msidp-worker`, …"""
        return cpu.named(cpu.family(self._process.pid), prefix)


class Hello:
    """A Flask application that says hello, served by the same code and flags as msidp's web part."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process = subprocess.Popen([sys.executable, "-m", "bench.servers", str(self.port)])
        wait_until_it_listens(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)

    def processes(self) -> list[int]:
        """The server's process and its worker's."""
        return cpu.family(self._process.pid)


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_listens(port: int, within: float = 20) -> None:
    """Wait until somebody accepts connections there."""
    deadline = time.monotonic() + within
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _serve_hello(port: int) -> None:
    from flask import Flask

    from msidp.cli import web

    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "hello")
    web.serve(app, "127.0.0.1", port)


if __name__ == "__main__":
    _serve_hello(int(sys.argv[1]))
