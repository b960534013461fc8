"""The load: sends prepared requests over kept connections, from a process of its own.

with Load(port) as load:
    answers = load.send([request("GET", "/")] * 1000)
"""

import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

CONNECTIONS = 4
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and the seconds until it was there; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    json_body: Any = None,
    form: Mapping[str, str] | None = None,
) -> bytes:
    """A request's bytes."""
    fields = {"Host": HOST, **(headers or {})}
    body = b""
    if json_body is not None:
        body = json.dumps(json_body).encode()
        fields["Content-Type"] = "application/json"
    elif form is not None:
        body = urlencode(form).encode()
        fields["Content-Type"] = "application/x-www-form-urlencoded"
    if body or method == "POST":
        fields["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Load:
    """A process that sends requests to one port of this machine."""

    def __init__(self, port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, port), daemon=True)
        self._process.start()
        there.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here.close()
        self._process.join()

    def send(self, requests: Sequence[bytes], connections: int = CONNECTIONS) -> list[Answer]:
        """Send them all, over so many connections at once; the answers in the requests' order."""
        self._here.send((requests, connections))
        answers: list[Answer] | str = self._here.recv()
        if isinstance(answers, str):
            raise RuntimeError(f"the load failed: {answers}")
        return answers


def _serve(pipe: Connection, port: int) -> None:
    while True:
        try:
            requests, connections = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_send_all(requests, connections, port))
        except (OSError, RuntimeError, ValueError) as error:
            pipe.send(f"{type(error).__name__}: {error}")


def _send_all(requests: Sequence[bytes], connections: int, port: int) -> list[Answer]:
    answers: list[Answer | None] = [None] * len(requests)
    errors: list[Exception] = []

    def work(start: int) -> None:
        try:
            with socket.create_connection((HOST, port), timeout=60) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                reader = connection.makefile("rb")
                for index in range(start, len(requests), connections):
                    began = time.perf_counter()
                    connection.sendall(requests[index])
                    status, headers, body = _read(reader)
                    answers[index] = Answer(status, headers, body, time.perf_counter() - began)
        except (OSError, ValueError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [answer for answer in answers if answer is not None]


def _read(reader: Any) -> tuple[int, dict[str, str], bytes]:
    status_line = reader.readline()
    if not status_line:
        raise ValueError("the server closed the connection")
    headers: dict[str, str] = {}
    while (line := reader.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _read_chunks(reader)
    else:
        body = reader.read(int(headers.get("content-length", 0)))
    return int(status_line.split()[1]), headers, body


def _read_chunks(reader: Any) -> bytes:
    body = b""
    while size := int(reader.readline().split(b";")[0], 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body
