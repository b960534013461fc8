"""The receiver of `msidp listen`: verifies each request, and hands the genuine ones on as they came."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from msidp import clock
from msidp.admin import Event, InvalidSignature, verify_webhook
from msidp.demo.local_server import LocalServer, QuietHandler

MAX_BODY = 10_000_000  # bytes
FORWARD_TIMEOUT = 9.0  # seconds; msidp itself waits ten
FORWARDED = "x-msidp-listen"  # rides on what was handed on, so that a circle is noticed
_HOP_BY_HOP = frozenset(("connection", "content-length", "host", "keep-alive", "transfer-encoding"))


@dataclass(frozen=True)
class Arrived:
    """One request, what it turned out to be, and what became of it."""

    at: int
    headers: Mapping[str, str]
    body: bytes
    event: Event | None
    error: str | None  # why it was not taken: not genuine, or handed on by this one
    answered: int
    forwarded: str | None  # `200 in 12 ms`, or why not
    milliseconds: int | None

    @property
    def time_of_day(self) -> str:
        """When it came, by this machine's clock on the wall."""
        return time.strftime("%H:%M:%S", time.localtime(clock.seconds(self.at)))

    @property
    def title(self) -> str:
        return self.event.type if self.event else "a request"

    @property
    def subtitle(self) -> str:
        """Who it is, and what was answered."""
        who = self.event.id if self.event else ""
        became = f"→ {self.forwarded}" if self.forwarded else f"→ {self.answered}"
        return f"{who}  {became}".strip()

    @property
    def pretty(self) -> str:
        """The body for people."""
        try:
            return json.dumps(json.loads(self.body), indent=2, ensure_ascii=False)
        except ValueError:
            return self.body[:2000].decode("utf-8", "replace")

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "at": clock.iso(self.at),
            "verified": self.error is None,
            "error": self.error,
            "type": self.event.type if self.event else None,
            "id": self.event.id if self.event else None,
            "dialect": self.event.dialect if self.event else None,
            "headers": dict(self.headers),
            "body": self.body.decode("utf-8", "replace"),
            "answered": self.answered,
            "forwarded": self.forwarded,
            "forwardMs": self.milliseconds,
        }


class Forwarder:
    """Hands requests on to one address, byte for byte."""

    def __init__(self, url: str) -> None:
        self._url = url if "://" in url else f"http://{url}"
        self._pool = urllib3.PoolManager(timeout=FORWARD_TIMEOUT)

    def send(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str, int]:
        """The status to answer with, in words, and the milliseconds it took. 502 where nobody answers."""
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        kept[FORWARDED] = "forwarded"
        began = time.monotonic()
        try:
            answer = self._pool.request(
                "POST", self._url, body=body, headers=kept, retries=False, redirect=False
            )
            status, words = answer.status, str(answer.status)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            status, words = 502, f"nobody answers ({type(error).__name__})"
        took = round((time.monotonic() - began) * 1000)
        return status, f"{words} in {took} ms", took


class Receiver:
    """Listens on loopback. `secret` is set once there is one; until then nothing is genuine."""

    def __init__(self, forwarder: Forwarder | None, show: Callable[[Arrived], None], port: int) -> None:
        self.secret = ""
        self._forwarder = forwarder
        self._show = show
        self._showing = threading.Lock()
        self._server = LocalServer(_handler(self), port)
        self.url = self._server.url

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()

    def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take one request; the status to answer with."""
        event, error, forwarded, took = None, None, None, None
        status = 204
        try:
            event = verify_webhook(body, headers, self.secret)
        except InvalidSignature as refusal:
            error, status = str(refusal), 401
        if FORWARDED in map(str.lower, headers):
            error, status = "--forward-to leads back to this listener.", 508
        elif event is not None and self._forwarder is not None:
            status, forwarded, took = self._forwarder.send(headers, body)
        with self._showing:
            self._show(Arrived(clock.now(), headers, body, event, error, status, forwarded, took))
        return status


def _handler(receiver: Receiver) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802  # http.server's name
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MAX_BODY:
                self.close_connection = True
                self.answer(413)
                return
            body = self.rfile.read(int(length))
            self.answer(receiver.receive(dict(self.headers.items()), body))

    return Handler
