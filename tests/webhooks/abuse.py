"""Receivers that really misbehave, each behind a URL. What to expect of them is in test_abuse.py."""

import gzip
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import trustme
from tests.support.receiver import Answer, Receiver

Act = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"
BOMB = gzip.compress(b"\0" * 50_000_000)


def says(*pieces: bytes) -> Answer:
    return Answer(act=lambda connection: connection.sendall(b"".join(pieces)))


def coded(coding: str) -> Answer:
    return Answer(headers={"Content-Encoding": coding}, body=BOMB)


def answers(closing: Callable[[float], bool]) -> dict[str, Answer]:
    """What each path of the plain receiver does. `closing` waits, and tells whether the receiver closes."""

    def forever(head: bytes, piece: bytes, pause: float = 0) -> Answer:
        def go(connection: socket.socket) -> None:
            connection.sendall(head)
            while not closing(pause):
                connection.sendall(piece)

        return Answer(act=go)

    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    tomorrow = format_datetime(datetime(2040, 1, 1, tzinfo=UTC), usegmt=True)
    return {
        **{
            f"redirect {status}": Answer(status, {"Location": "/stolen"})
            for status in (301, 302, 303, 307, 308)
        },
        "no answer": Answer(delay=60),
        "headers byte by byte": forever(OK + b"X-Slow: ", b"a", 0.1),
        "body byte by byte": forever(OK + b"Content-Length: 1000\r\n\r\n", b"a", 0.1),
        "endless body": forever(OK + b"\r\n", b"x" * 65536),
        "body longer than it says": says(OK, b"Content-Length: 2\r\n\r\n", b"x" * 100_000),
        "body shorter than it says": says(OK, b"Content-Length: 1000\r\n\r\n", b"x"),
        "endless chunks": forever(chunked, b"4000\r\n" + b"x" * 0x4000 + b"\r\n"),
        "endless trailers": forever(chunked + b"0\r\n", b"X-Trailer: " + b"x" * 1000 + b"\r\n"),
        "gzip bomb": coded("gzip"), "br bomb": coded("br"), "zstd bomb": coded("zstd"),
        "one huge header": says(OK, b"X-Huge: " + b"x" * 2_000_000, b"\r\n\r\n"),
        "endless headers": forever(OK, b"X-Many: " + b"x" * 100 + b"\r\n"),
        "flood of 1xx": forever(b"", b"HTTP/1.1 103 Early Hints\r\nX: " + b"x" * 100 + b"\r\n\r\n"),
        "101": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
        "HTTP/0.9": says(b"hello"),
        "garbage": says(bytes(range(256)) * 4, b"\r\n\r\n"),
        "closes at once": says(),
        "410": Answer(410), "204": Answer(204, body=b""), "304": Answer(304, body=b""),
        **{
            f"{status} with Retry-After: {value}": Answer(status, {"Retry-After": value})
            for status in (429, 503)
            for value in ("-1", "NaN", "315360000", tomorrow, "9" * 400)
        },
        "Set-Cookie": Answer(headers={"Set-Cookie": "a=b; Path=/; Max-Age=9999"}),
        "neither UTF-8 nor tame": Answer(
            headers={"X-Odd": "\xff"}, body=b"\xff\xfe\0<script>alert(1)</script>"
        ),
    }  # fmt: skip


def context(certificate: trustme.LeafCert, *, outdated: bool = False) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    if outdated:
        made.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            made.minimum_version = ssl.TLSVersion.TLSv1
            made.maximum_version = ssl.TLSVersion.TLSv1_1
    return made


def contexts(ca: trustme.CA) -> dict[str, ssl.SSLContext]:
    """TLS that must not be accepted."""
    last_year = datetime.now(UTC) - timedelta(days=365)
    return {
        "expired certificate": context(ca.issue_cert("localhost", not_after=last_year)),
        "self-signed certificate": context(trustme.CA().issue_cert("localhost")),
        "certificate of another host": context(ca.issue_cert("other.example")),
        "TLS 1.1": context(ca.issue_cert("localhost"), outdated=True),
    }


@contextmanager
def sockets() -> Iterator[dict[str, str]]:
    """Listeners that do not even get as far as HTTP."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # its queue is full: a further connection attempt is not answered at all
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        yield {
            "connect hangs": f"http://localhost:{full.getsockname()[1]}/",
            "TLS stalls": f"https://localhost:{silent.getsockname()[1]}/",
        }


@contextmanager
def all_of_them(ca: trustme.CA) -> Iterator[tuple[dict[str, str], Receiver]]:
    """The URL of every misbehaviour, and the plain receiver, whose ledger tells what arrived."""
    with ExitStack() as stack:
        plain = stack.enter_context(Receiver())
        urls = stack.enter_context(sockets())
        for name, answer in answers(lambda pause: plain.closing.wait(pause)).items():
            path = "/" + name.replace(" ", "-").replace("/", "-").replace(",", "-")
            plain.script(path, answer)
            urls[name] = plain.url(path)
        for name, tls in contexts(ca).items():
            urls[name] = stack.enter_context(Receiver(tls)).url()
        urls["early 200"] = stack.enter_context(hasty())
        yield urls, plain


@contextmanager
def hasty() -> Iterator[str]:
    """Answers after the first few bytes of each request, and takes in no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(EMPTY)
                    connection.shutdown(socket.SHUT_WR)
                    time.sleep(0.3)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://localhost:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
