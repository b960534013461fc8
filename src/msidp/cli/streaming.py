"""Sending an answer while it is made, as slowly as its reader takes it.

granian keeps whatever ASGI gives it until the reader has it: a long answer to a slow reader would fill the
memory. A file it reads piece by piece, as it can send on. So it is given a named pipe in the place of a file:
writing to that waits while the reader does, and fails once the reader has gone.
"""

import os
import select
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

OPEN_WITHIN = 10.0  # seconds in which granian opens the pipe
PATIENCE = 60.0  # seconds for which a reader may take nothing


def send(request: Any, status: int, headers: list[tuple[bytes, bytes]], pieces: Iterable[bytes]) -> None:
    """Send the pieces. Returns when the last one is on its way, or the reader is gone."""
    try:
        sink = _open(request, status, headers)
        try:
            for piece in pieces:
                _write(sink, memoryview(piece))
        finally:
            os.close(sink)
    except OSError:
        pass  # the reader is gone
    finally:
        if close := getattr(pieces, "close", None):
            close()


def _open(request: Any, status: int, headers: list[tuple[bytes, bytes]]) -> int:
    """The end of the pipe to write to. Raises TimeoutError."""
    with tempfile.TemporaryDirectory(prefix="msidp-") as directory:
        path = Path(directory, "pipe")
        os.mkfifo(path, 0o600)
        request.proto.send({"type": "http.response.start", "status": status, "headers": headers})
        request.proto.send({"type": "http.response.pathsend", "path": str(path)})
        deadline = time.monotonic() + OPEN_WITHIN
        while time.monotonic() < deadline:
            with suppress(OSError):  # there is no reader yet
                return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            time.sleep(0.002)
    raise TimeoutError


def _write(sink: int, data: memoryview) -> None:
    while data:
        try:
            data = data[os.write(sink, data) :]
        except BlockingIOError:
            waiting = select.poll()  # select() knows no descriptor above 1023
            waiting.register(sink, select.POLLOUT)
            if not waiting.poll(PATIENCE * 1000):
                raise TimeoutError from None
