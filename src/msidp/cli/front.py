"""Between granian and the application: a request is handed over once all of it is there.

A thread that reads from a connection is a thread that its sender holds: a few dozen bodies which never end
would stop the site. Here (ASGI) the body is collected as it comes, in bounded time and space, and a thread
sees the request (WSGI, PEP 3333) only then. One that does not arrive whole is handed over without its body
and with the status to refuse it with, so that the application's own words and log tell of it.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from io import BytesIO
from typing import Any

from granian import _futures

from msidp.cli import streaming
from msidp.cli.environ import Environ, announces_body, environ_of, sender_of
from msidp.cli.leaders import Leaders
from msidp.cli.threads import Threads
from msidp.incoming import LABORIOUS, UPLOADS, body_limit
from msidp.vault.passwords import TURNS
from msidp.web import REFUSAL, STREAMED

BODY_TIMEOUT = 10  # seconds from a request's head to the end of its body, give or take one
UPLOAD_TIMEOUT = 60  # the same for a file
SMALL_BODY = 64 * 1024  # bytes; always accepted
LIVENESS = "/healthz"  # a supervisor that got no answer would end who only waits for a database
ASIDE_AT_ONCE = 2  # refusals, and whether the process lives: they cost little and wait for nothing
STREAMS_AT_ONCE = 8  # answers that are sent while they are made; more wait
LABORIOUS_WAITING = 64  # forms that wait for a thread, a few seconds at most; more are refused
BODIES_AT_ONCE = 64_000_000  # bytes of all requests in hand, from where on larger ones are refused
BODIES_OF_ONE = 24_000_000  # the same of one sender's: who has yet to say who they are takes no more of it

Answer = tuple[int, list[tuple[bytes, bytes]], bytes | Iterable[bytes]]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_CHUNKED = "chunked"
_CRASH: Answer = (500, [(b"content-type", b"text/plain")], b"Internal Server Error\n")

log = logging.getLogger(__name__)


class Refused(Exception):
    """Why a body was not taken."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Front:
    """What takes the requests of granian's ASGI worker, past its event loop."""

    def __init__(
        self, application: Application, threads: int, proxies: int = 0, *, leads: bool = False
    ) -> None:
        self._application = application
        self.proxies = proxies  # that are trusted to say whom they pass on
        self._run = Leaders(threads).run if leads else Threads(threads, "request").submit
        self._aside = Threads(ASIDE_AT_ONCE, "aside")
        self._laborious = Threads(TURNS + 2, "form", LABORIOUS_WAITING)
        self._of_operators = Threads(2, "operator-form", LABORIOUS_WAITING)
        self._streams = Threads(STREAMS_AT_ONCE, "stream")
        self._arriving: set[_Body] = set()
        self._in_hand = 0  # bytes of the bodies in it
        self._counting = threading.Lock()  # bodies end in granian's threads and in the event loop's

    def take_over(self) -> None:
        """Have this process's granian hand us its requests directly.

        As it would do it, each request crosses the event loop twice and its body twice more, which costs
        more than a small answer itself.
        """
        _futures._cbsched_aioschedule = self._scheduler  # noqa: SLF001  # granian offers no other way; pinned

    def _scheduler(
        self, loop: asyncio.AbstractEventLoop, _context: Any, _callback: Any
    ) -> Callable[[Any], None]:
        _tell_at_once(loop)
        loop.call_soon(self._refuse_late, loop)

        def schedule(request: Any) -> None:
            environ = environ_of(request.scope)
            if announces_body(environ):
                body = _Body(self, request, environ)
                self._arriving.add(body)
                body.begin()
            else:
                self._hand_over(request, environ)

        return schedule

    def _refuse_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Every second, in the event loop. A copy: others come and go meanwhile, in granian's threads."""
        loop.call_later(1, self._refuse_late, loop)
        for body in self._arriving.copy():
            if body.ends_at < time.monotonic():
                body.leave()

    def hand_on(self, body: "_Body", refusal: int = 0) -> None:
        """Let a thread answer the request, with its body or with the reason why it is not there."""
        self._arriving.remove(body)
        self.count(-len(body.content))
        environ = body.environ
        if refusal:
            environ[REFUSAL] = refusal
            body.content.clear()
        environ["wsgi.input"] = BytesIO(body.content)
        environ["CONTENT_LENGTH"] = str(len(body.content))
        body.content.clear()
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        self._hand_over(body.request, environ)

    def _hand_over(self, request: Any, environ: Environ) -> None:
        """Let a thread answer. Forms that cost a hash have few of their own: a flood of them leaves alone
        what is answered at once. Operators' have others than members': a rush of members keeps no operator
        from having a look.
        """
        path = environ["PATH_INFO"]
        if REFUSAL not in environ and environ["REQUEST_METHOD"] == "POST" and path in LABORIOUS:
            threads = self._of_operators if path.startswith("/dashboard/") else self._laborious
            if threads.submit(self._answer, request, environ):
                return
            environ[REFUSAL] = 503
        if REFUSAL in environ or path == LIVENESS:
            self._aside.submit(self._answer, request, environ)
        else:
            self._run(self._answer, request, environ)

    def count(self, change: int) -> int:
        """So many bytes of bodies more, or less, are in hand. Returns how many that makes."""
        with self._counting:
            self._in_hand += change
            return self._in_hand

    def held_by(self, sender: str) -> int:
        """How many bytes of bodies from one sender are in hand."""
        return sum(len(body.content) for body in self._arriving.copy() if body.sender == sender)

    def _answer(self, request: Any, environ: Environ) -> None:
        """Call the application and send what it answers."""
        try:
            status, headers, content = call(self._application, environ)
        except BaseException:  # a panic of what is written in Rust is no Exception
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
            environ.clear()  # the thread it arrived in may sleep for long, with all this on its stack

    def _stream(
        self, request: Any, status: int, headers: list[tuple[bytes, bytes]], pieces: Iterable[bytes]
    ) -> None:
        try:
            streaming.send(request, status, headers, pieces)
        except Exception:
            log.exception("a streamed answer failed")
        finally:
            request.done()


class _Body:
    """A request's body, while it arrives."""

    def __init__(self, front: Front, request: Any, environ: Environ) -> None:
        self.request = request
        self.environ = environ
        self.content = bytearray()
        path = environ["PATH_INFO"]
        self.ends_at = time.monotonic() + (UPLOAD_TIMEOUT if path in UPLOADS else BODY_TIMEOUT)
        self._limit = body_limit(path)
        self._front = front
        self._receiving: Any = None
        announced = environ.get("CONTENT_LENGTH")
        self._announced = None if announced is None else int(announced)

    def begin(self) -> None:
        """Take what comes, until all of it is there."""
        if self.environ.get("HTTP_TRANSFER_ENCODING", _CHUNKED).lower() != _CHUNKED:
            self._front.hand_on(self, 501)  # RFC 9112, section 6.1: what it says would be something else
        elif self._announced is not None and self._announced > self._limit:
            self._front.hand_on(self, 413)
        else:
            self._ask()

    def leave(self) -> None:
        """Take no more. Granian must have let go of the body before the answer: it would not close then."""
        if (receiving := self._receiving) is not None:
            receiving.cancel()

    @cached_property
    def sender(self) -> str:
        """Who sends it, as far as an address tells."""
        return sender_of(self.environ, self._front.proxies)

    def _is_too_much(self, in_hand: int) -> bool:
        return in_hand > BODIES_OF_ONE and self._front.held_by(self.sender) > BODIES_OF_ONE

    def _ask(self) -> None:
        self._receiving = self.request.proto.receive()
        self._receiving.add_done_callback(self.take, context=None)

    def take(self, received: Any) -> None:
        """One more part has come, in a thread of granian's; or after leave() none will, in the event loop's.

        From there a request is only ever refused: the loop must not become a thread that answers or sleeps.
        """
        self._receiving = None
        try:
            more = self._add(received.result())
        except Refused as refused:
            self._front.hand_on(self, refused.status)
        except asyncio.CancelledError:
            self._front.hand_on(self, 408)
        except Exception:
            log.exception("a body could not be read")
            self._front.hand_on(self, 400)
        else:
            if more:
                self._ask()
            else:
                self._front.hand_on(self)

    def _add(self, event: dict[str, Any]) -> bool:
        """Take an event of ASGI; whether there are more to come."""
        if event["type"] != "http.request":  # the sender went, or broke the framing
            raise Refused(400)
        part = event.get("body", b"")
        self.content += part
        in_hand = self._front.count(len(part))
        if len(self.content) > self._limit:
            raise Refused(413)
        if len(self.content) > SMALL_BODY and (in_hand > BODIES_AT_ONCE or self._is_too_much(in_hand)):
            raise Refused(503)
        if len(self.content) == self._announced:
            return False  # the end itself is not worth another round
        more: bool = event.get("more_body", False)
        if not more and self._announced is not None:
            raise Refused(400)
        return more


def _tell_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Have granian's thread tell our bodies of their parts itself, and not through the event loop."""
    through_the_loop = loop.call_soon_threadsafe

    def tell(callback: Callable[..., object], *arguments: Any, context: Any = None) -> asyncio.Handle | None:
        if isinstance(getattr(callback, "__self__", None), _Body):
            callback(*arguments)
            return None
        return through_the_loop(callback, *arguments, context=context)

    loop.call_soon_threadsafe = tell  # type: ignore[assignment,method-assign]  # see Front.take_over


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
