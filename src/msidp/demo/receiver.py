"""A webhook receiver: checks each delivery with the admin SDK, and remembers the genuine ones."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msidp.admin import Event, InvalidSignature, verify_webhook
from msidp.demo.local_server import LocalServer, QuietHandler
from msidp.demo.web import DemoError


@dataclass(frozen=True)
class Delivery:
    """One verified request. `arrived` is on the clock of `time.monotonic()`."""

    dialect: str
    event: Event
    headers: Mapping[str, str]
    body: bytes
    arrived: float


class Receiver:
    """Listens at `<url>/<dialect>`; the secret of each dialect's webhook goes into `secrets`."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.refused: list[str] = []
        self.on_delivery: Callable[[Delivery], None] | None = None
        self._deliveries: list[Delivery] = []
        self._news = threading.Condition()
        self._server = LocalServer(_handler(self))
        self.url = self._server.url

    def stop(self) -> None:
        self._server.stop()

    def receive(self, dialect: str, headers: Mapping[str, str], body: bytes) -> int:
        """Take one request; the status to answer with."""
        arrived = time.monotonic()
        try:
            event = verify_webhook(body, headers, self.secrets.get(dialect, ""))
        except InvalidSignature as error:
            self.refused.append(f"{dialect}: {error}")
            return 401
        delivery = Delivery(dialect, event, headers, body, arrived)
        with self._news:
            self._deliveries.append(delivery)
            self._news.notify_all()
        if self.on_delivery is not None:
            self.on_delivery(delivery)
        return 204

    def expect(
        self, wanted: Mapping[str, str], about: str, *, since: float, timeout: float = 20
    ) -> list[Delivery]:
        """Wait for one event a dialect: `wanted` maps dialects to types, `about` is its id or in its body.

        Raises DemoError when one is missing after `timeout` seconds, or a delivery was refused.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                if self.refused:
                    raise DemoError(f"a delivery's signature does not hold: {self.refused[0]}")
                found = self._find(wanted, about, since)
                missing = wanted.keys() - found.keys()
                if not missing:
                    return [found[dialect] for dialect in wanted]
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    names = ", ".join(f"{dialect} {wanted[dialect]}" for dialect in sorted(missing))
                    raise DemoError(f"not received within {timeout:.0f} s: {names}")
                self._news.wait(min(remaining, 0.5))

    def _find(self, wanted: Mapping[str, str], about: str, since: float) -> dict[str, Delivery]:
        found: dict[str, Delivery] = {}
        for delivery in self._deliveries:
            event = delivery.event
            concerns = about == event.id or about.encode() in delivery.body
            if concerns and wanted.get(delivery.dialect) == event.type and delivery.arrived >= since:
                found.setdefault(delivery.dialect, delivery)
        return found


def _handler(receiver: Receiver) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802  # http.server's name
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.answer(receiver.receive(self.path.strip("/"), headers, body))

    return Handler
