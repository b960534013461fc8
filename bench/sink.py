"""A webhook receiver that costs little: granian over TLS, which answers 204 and counts."""

import http.client
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme

from bench.servers import free_port, wait_until_it_listens

HOSTS = 25  # addresses of loopback that it is reached at, so that receivers can be different hosts
CONNECTIONS = 4096  # at once: four workers keep a thousand, and what is beyond would wait unanswered


class Sink:
    """The receiver, a process of its own. `authority` is the PEM file of the CA behind its certificate."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.hosts = [f"127.0.0.{number}" for number in range(1, HOSTS + 1)]
        self.url = f"https://127.0.0.1:{self.port}"
        directory.mkdir(exist_ok=True)
        self.authority = directory / "authority.pem"
        certificate, key = directory / "certificate.pem", directory / "key.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        issued = authority.issue_cert(*self.hosts)
        issued.private_key_pem.write_to_path(key)
        issued.cert_chain_pems[0].write_to_path(certificate)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.sink", str(self.port), str(certificate), str(key)]
        )
        wait_until_it_listens(self.port)
        context = ssl.create_default_context(cafile=str(self.authority))
        self._questions = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._questions.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)

    def urls(self, count: int) -> list[str]:
        """So many receivers, on hosts of their own as far as there are enough."""
        return [f"https://{self.hosts[number % HOSTS]}:{self.port}/{number}" for number in range(count)]

    def count(self) -> int:
        """How many webhooks have arrived."""
        try:
            self._questions.request("GET", "/count")
            return int(self._questions.getresponse().read())
        except http.client.RemoteDisconnected:  # it has been idle for too long
            self._questions.close()
            return self.count()

    def wait_for(self, count: int, within: float = 120) -> None:
        """Wait until so many have arrived."""
        deadline = time.monotonic() + within
        while (seen := self.count()) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {seen} of {count} webhooks arrived within {within:.0f} s")
            time.sleep(0.01)


def _counter() -> Callable[..., Any]:
    """The RSGI application."""
    count = 0

    async def application(scope: Any, protocol: Any) -> None:
        nonlocal count
        if scope.method == "GET":
            protocol.response_str(200, [], str(count))
            return
        await protocol()
        count += 1
        protocol.response_empty(204, [])

    return application


def _serve(port: int, certificate: Path, key: Path) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    server = Granian(
        "sink", address="0.0.0.0",  # noqa: S104  # every address of loopback, and no way to name just those
        port=port, interface=Interfaces.RSGI, ssl_cert=certificate, ssl_key=key,
        log_level=LogLevels.warning, backlog=CONNECTIONS, backpressure=CONNECTIONS,
    )  # fmt: skip
    server.serve(target_loader=_counter, wrap_loader=False)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
