"""Between granian and the application: a request is handed over once all of it is there.

A thread that reads from a connection is a thread that its sender holds: a few dozen bodies which never end
would stop the site. Here (ASGI) the event loop collects the body, in bounded time and space, and a thread
sees the request (WSGI, PEP 3333) only then. One that does not arrive whole is handed over without its body
and with the status to refuse it with, so that the application's own words and log tell of it.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from granian import _futures

from msidp.cli import streaming
from msidp.incoming import MAX_BODY
from msidp.web import REFUSAL, STREAMED

BODY_TIMEOUT = 10  # seconds from a request's head to the end of its body
SMALL_BODY = 64 * 1024  # bytes; always accepted
STREAMS_AT_ONCE = 8  # answers that are sent while they are made; more wait
BODIES_AT_ONCE = 64_000_000  # bytes of all requests in hand, from where on larger ones are refused

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Environ = dict[str, Any]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes | Iterable[bytes]]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_COMMON: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
_PROTOCOLS = {"1": "HTTP/1.0", "2": "HTTP/2"}
_CRASH: Answer = (500, [(b"content-type", b"text/plain")], b"Internal Server Error\n")

log = logging.getLogger(__name__)


class Refused(Exception):
    """Why a body was not taken."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Front:
    """What granian's ASGI worker calls, with one task less for each request than ASGI asks for."""

    def __init__(self, application: Application, threads: int) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(threads, "request")
        self._streams = ThreadPoolExecutor(STREAMS_AT_ONCE, "stream")
        self._in_hand = 0  # bytes; only the event loop touches it

    def take_over(self) -> None:
        """Have this process's granian hand us its requests directly.

        As it would do it, each request crosses the event loop twice, which costs more than a small answer
        itself. Only one that has a body needs the loop at all.
        """
        _futures._cbsched_aioschedule = self._scheduler  # noqa: SLF001  # granian offers no other way; pinned

    def _scheduler(
        self, loop: asyncio.AbstractEventLoop, _context: Any, _callback: Any
    ) -> Callable[[Any], None]:
        waiting: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly

        def begin(request: Any, environ: Environ) -> None:
            task = loop.create_task(self._collect(request, environ))
            waiting.add(task)
            task.add_done_callback(waiting.discard)

        def schedule(request: Any) -> None:
            environ = environ_of(request.scope)
            if _announces_body(environ):
                loop.call_soon_threadsafe(begin, request, environ)
            else:
                self._threads.submit(self._answer, request, environ)

        return schedule

    async def _collect(self, request: Any, environ: Environ) -> None:
        """Put the body into the environ, or the reason why it is not there, and hand the request on."""
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                await self._read(environ.get("CONTENT_LENGTH"), body, request.proto.receive)
        except TimeoutError:
            environ[REFUSAL] = 408
        except Refused as refused:
            environ[REFUSAL] = refused.status
        except Exception:
            log.exception("a body could not be read")
            environ[REFUSAL] = 400
        finally:
            self._in_hand -= len(body)
        whole = b"" if REFUSAL in environ else bytes(body)
        environ["wsgi.input"] = BytesIO(whole)
        environ["CONTENT_LENGTH"] = str(len(whole))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        self._threads.submit(self._answer, request, environ)

    async def _read(self, announced: str | None, body: bytearray, receive: Receive) -> None:
        if announced is not None and int(announced) > MAX_BODY:
            raise Refused(413)
        more = True
        while more:
            event = await receive()
            if event["type"] != "http.request":  # the sender went, or broke the framing
                raise Refused(400)
            part = event.get("body", b"")
            body += part
            self._in_hand += len(part)
            if len(body) > MAX_BODY:
                raise Refused(413)
            if len(body) > SMALL_BODY and self._in_hand > BODIES_AT_ONCE:
                raise Refused(503)
            more = event.get("more_body", False)
        if announced is not None and len(body) != int(announced):
            raise Refused(400)

    def _answer(self, request: Any, environ: Environ) -> None:
        """In a thread of its own: call the application and send what it answers."""
        try:
            status, headers, content = call(self._application, environ)
        except Exception:
            log.exception("the application failed")
            status, headers, content = _CRASH
        if not isinstance(content, bytes):  # a reader who takes long holds none of the requests' threads
            self._streams.submit(self._stream, request, status, headers, content)
            return
        try:  # sending does not wait: granian takes the answer and writes it by itself
            request.proto.send({"type": "http.response.start", "status": status, "headers": headers})
            request.proto.send({"type": "http.response.body", "body": content, "more_body": False})
        finally:
            request.done()

    def _stream(
        self, request: Any, status: int, headers: list[tuple[bytes, bytes]], pieces: Iterable[bytes]
    ) -> None:
        try:
            streaming.send(request, status, headers, pieces)
        except Exception:
            log.exception("a streamed answer failed")
        finally:
            request.done()


def call(application: Application, environ: Environ) -> Answer:
    """Call a WSGI application (PEP 3333). What it streams is not read yet."""
    status = 500
    headers: list[tuple[bytes, bytes]] = []
    parts: list[bytes] = []

    def start(line: str, fields: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], None]:
        nonlocal status, headers
        status = int(line[:3])
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        return parts.append

    answer = application(environ, start)
    if STREAMED in environ:
        return status, headers, answer
    try:
        parts.extend(answer)
    finally:
        if close := getattr(answer, "close", None):
            close()
    return status, headers, b"".join(parts)


def environ_of(scope: Scope) -> Environ:
    """The WSGI environ of an ASGI scope, with an empty body.

    Fields of one name are joined. Those with an underscore in their name are left out: they would pass
    for those with a hyphen, which a proxy may have set.
    """
    path = scope["raw_path"]
    environ = _COMMON | {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": _PROTOCOLS.get(scope["http_version"], "HTTP/1.1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "REMOTE_ADDR": scope["client"][0],
        "REMOTE_PORT": scope["client"][1],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        text = value.decode("latin-1")
        if key in environ and key != "CONTENT_LENGTH":
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ


def _announces_body(environ: Environ) -> bool:
    if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        return environ.get("CONTENT_LENGTH") != "0"
    # Only HTTP/2 has bodies without either.
    return environ["SERVER_PROTOCOL"] == "HTTP/2" and environ["REQUEST_METHOD"] not in ("GET", "HEAD")
