"""A site of several machines: web, three workers and cron on one PostgreSQL and one Valkey."""

import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
from tests.support.instance import environment, eventually, msidp, new_secret_key
from tests.support.ports import free_port
from tests.support.valkey import ValkeyServer

WORKERS = 3


class Cluster:
    """The parts by name: `web`, `cron`, `worker-1` … What dies is started again, as by a service manager."""

    def __init__(self, directory: Path, database_url: str, settings: dict[str, str]) -> None:
        self.directory = directory
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.valkey = ValkeyServer()
        self.env = environment(
            MSIDP_INSTANCE_DIR=str(directory),
            MSIDP_DATABASE_URL=database_url,
            MSIDP_REDIS_URL=self.valkey.url,
            MSIDP_SECRET_KEY="one-and-the-same-on-every-machine",
            MSIDP_OUTBOUND_ALLOW_HTTP="1",
            MSIDP_OUTBOUND_ALLOW_NETWORKS="127.0.0.0/8",
            **settings,
        )
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.close)
            assert msidp("migrate", env=self.env).returncode == 0
            for name in ("web", "cron", *(f"worker-{number + 1}" for number in range(WORKERS))):
                self._start(name)
            eventually(self.answers, what=f"the site: {self.log.read_text()[-2000:]}")
            self._keeper.start()
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every part, without ceremony."""
        self._closing.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for process in self._parts.values():
            process.kill()
            process.wait()
        self.valkey.stop()

    @property
    def log(self) -> Path:
        """What the parts wrote."""
        return self.directory / "parts.log"

    @property
    def names(self) -> list[str]:
        return list(self._parts)

    def kill(self, name: str) -> None:
        """kill -9. It comes back by itself."""
        self._parts[name].kill()

    def connected_to(self, port: int) -> str:
        """The part that has a connection to this port of loopback."""
        inodes = set()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[2].partition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
        (name,) = (
            name
            for name, process in self._parts.items()
            if any(str(fd.readlink()) in inodes for fd in Path(f"/proc/{process.pid}/fd").iterdir())
        )
        return name

    def answers(self) -> bool:
        """Whether the web part does."""
        try:
            return requests.get(f"{self.base_url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def secret_key(self) -> str:
        """A secret key of the Admin API."""
        return new_secret_key(self.env)

    def _start(self, name: str) -> None:
        command = [name.partition("-")[0], *(["--port", str(self.port)] if name == "web" else [])]
        with self.log.open("ab") as log:
            self._parts[name] = subprocess.Popen(
                [sys.executable, "-m", "msidp", *command], env=self.env, stdout=log, stderr=log
            )

    def _keep(self) -> None:
        while not self._closing.wait(0.1):
            for name, process in list(self._parts.items()):
                if process.poll() is not None:
                    self._start(name)
