"""A webhook receiver that keeps a ledger of the very bytes it got, and misbehaves on demand."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Received:
    """One request as it came in. Header names are in lower case; `lines` are the raw header lines."""

    method: str
    path: str
    headers: dict[str, str]
    lines: list[bytes]
    body: bytes
    at: float = field(default_factory=time.time)


@dataclass
class Answer:
    """What to answer: a status, after a delay if need be.

    Or `act`, which gets the socket and does as it likes; the connection is closed behind it.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay: float = 0
    act: Callable[[socket.socket], None] | None = None

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Receiver:
    """Listens on loopback, each connection in its own thread. Use it as a context manager.

    `script(path, *answers)` answers that path's requests in turn (whatever their query, unless the path has
    one), the last answer again and again; every other path gets 200. `requests` is the ledger.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "localhost") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._tls = tls
        self._lock = threading.Condition()
        self._scripts: dict[str, list[Answer]] = {}
        self._open: set[socket.socket] = set()
        self.connections = 0  # how many were accepted (after their TLS handshake)
        self.requests: list[Received] = []
        self.closing = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self.base = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._serving: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with (
            self._lock
        ):  # shut, not closed: a thread that still reads would read whatever has its number next
            for connection in self._open:
                with suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in (self._thread, *self._serving):
            thread.join(5)

    def url(self, path: str = "/hook") -> str:
        return self.base + path

    def script(self, path: str, *answers: Answer) -> None:
        self._scripts[path] = list(answers)

    def received(self, path: str | None = None) -> list[Received]:
        with self._lock:
            return [request for request in self.requests if path is None or request.path == path]

    def wait_for(self, count: int, path: str | None = None, timeout: float = 10) -> list[Received]:
        """The requests of this path, once there are `count`. Raises AssertionError when the time is up."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while True:
                found = [request for request in self.requests if path is None or request.path == path]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"{len(found)} of {count} requests came"
                self._lock.wait(left)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            serving = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._serving.append(serving)
            serving.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            while self._exchange(connection):
                pass
        except (OSError, ValueError):
            pass  # the client went away, or this receiver is closing
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _exchange(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = connection.recv(65536)
            if not chunk:
                return False
            head += chunk
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method, path, _ = first.decode("latin-1").split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        while len(body) < length:
            chunk = connection.recv(65536)
            if not chunk:
                return False
            body += chunk
        answer = self._log(Received(method, path, headers, lines, body))
        if answer.delay and self.closing.wait(answer.delay):
            return False
        if answer.act:
            answer.act(connection)
            return False
        connection.sendall(answer.head() + answer.body)
        return headers.get("connection", "").lower() != "close"

    def _log(self, request: Received) -> Answer:
        with self._lock:
            self.requests.append(request)
            self._lock.notify_all()
            bare = request.path.partition("?")[0]
            answers = self._scripts.get(request.path) or self._scripts.get(bare)
            if not answers:
                return Answer()
            return answers.pop(0) if len(answers) > 1 else answers[0]
