"""One request and its response: a reusable libcurl handle that trusts nobody."""

import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

import pycurl

from msidp.outbound import failures
from msidp.outbound.authorities import Authorities
from msidp.outbound.resolver import Answer, textual
from msidp.outbound.urls import OutboundPolicy

MAX_BODY = 16_384
MAX_HEAD = 65_536  # with those of interim responses
REMEMBERED = 64  # heads: a receiver that answers a thousand times a second mostly repeats itself
SHORT = 64  # lines; a longer head is not remembered: thousands of lines in many objects fill the memory
_END_OF_HEAD = (b"\r\n", b"\n")
_BODILESS = (204, 304)
_OF_A_BODY = re.compile(rb"transfer-encoding:|content-length:\s*0*[1-9]", re.IGNORECASE).match
MAX_IDLE = 30  # seconds a connection may wait for its next request
MAX_AGE = 90  # seconds after which a connection is made anew

AT_ONCE = 1.0  # seconds: what broke later was perhaps being worked on
_BROKEN = (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR)

SOCKET_BAD: int = pycurl.SOCKET_BAD

Lines = tuple[bytes, ...]
Found = TypeVar("Found")


@dataclass(slots=True)  # not frozen, and no tuple: one is made for every request
class Timings:
    """How long the phases of a request took, in milliseconds; None for one that did not take place.

    There is no `dns` where the name's addresses were still known, no `connect` and `tls` where a connection
    was kept. `first_byte` is counted from the beginning.
    """

    dns: int | None = None
    connect: int | None = None
    tls: int | None = None
    first_byte: int | None = None


@dataclass(slots=True)
class Reply:
    """How one request ended.

    `status` is the HTTP status once a response's headers were complete, whatever its body did after;
    `error` is one of `failures.CLASSES`, None only after a 2xx. `head` holds the final response's header
    lines, undecoded, once they were complete.
    """

    status: int | None
    error: str | None
    latency_ms: int
    head: tuple[bytes, ...]
    excerpt: bytes
    timings: Timings = field(default_factory=Timings)


class _Descriptor:
    """A new socket's file descriptor for pycurl, which takes a copy and drops this object."""

    def __init__(self, address: Any) -> None:
        self._fd = socket.socket(address.family, address.socktype, address.protocol).detach()

    def fileno(self) -> int:
        return self._fd

    def __del__(self) -> None:
        os.close(self._fd)


class Exchange:
    """One reusable libcurl handle, and what it has received of the present response.

    Of its options only those are set again that differ from the last request's.
    """

    def __init__(self, policy: OutboundPolicy, authorities: Authorities) -> None:
        self.policy = policy
        self.url = ""
        self.lines: list[bytes] = []  # of every head, interim responses' and trailers too
        self.curl = _new_handle(self, policy, authorities)
        self._directed: tuple[str, Answer] | None = None
        self._renewed = False

    def prepare(
        self, url: str, headers: Sequence[str], body: bytes | None, timeout: float, tag: Any, max_body: int
    ) -> None:
        """Take a new request up: a POST of this body, or a GET. `url`'s name may be without an answer yet.

        It begins now; that it ends within `timeout` seconds is the caller's part.
        """
        self.began = time.monotonic()
        self.ends_at = self.began + timeout
        self.url = url
        self.tag = tag
        self.max_body = max_body
        self.sent = len(body or b"")
        self.lines.clear()
        self.chunks: list[bytes] = []
        self.size = 0
        self.dialled = False  # whether it took a new connection
        self.blocked = False
        self.resolved_after: float | None = None  # seconds that the name's lookup took
        curl = self.curl
        if self._renewed:
            self._renewed = False
            curl.setopt(pycurl.FRESH_CONNECT, 0)
        curl.setopt(pycurl.HTTPHEADER, headers)
        if body is None:
            curl.setopt(pycurl.HTTPGET, 1)
        else:
            curl.setopt(pycurl.POSTFIELDS, body)  # makes it a POST again

    def direct(self, port: int, answer: Answer) -> None:
        """Dial these addresses, whatever the URL's name; certificate and Host header stay the name's.

        The alias takes the name's place among the kept connections too: one that was made to other
        addresses is not used again.
        """
        curl = self.curl
        self.addresses = answer.addresses
        if self._directed == (self.url, answer):
            return
        self._directed = (self.url, answer)
        curl.setopt(pycurl.URL, self.url)
        curl.setopt(pycurl.CONNECT_TO, [f"::{answer.alias}:{port}"])
        addresses = ",".join(f"[{each}]" if ":" in each else each for each in answer.addresses)
        curl.setopt(pycurl.RESOLVE, [f"+{answer.alias}:{port}:{addresses}"])

    def came_too_late(self, code: int) -> bool:
        """Whether the receiver closed a kept connection just as the request went out.

        libcurl tries again by itself in some of these cases.
        """
        if code not in _BROKEN or self.dialled or self.lines or self._renewed:
            return False
        spent: float = self.curl.getinfo(pycurl.TOTAL_TIME)
        return spent < AT_ONCE

    def renew(self) -> None:
        """Make ready to send the request over a new connection, in the time that is left."""
        self._renewed = True
        self.curl.setopt(pycurl.FRESH_CONNECT, 1)

    def open_socket(self, _purpose: int, address: Any) -> _Descriptor | int:
        """Refuse whatever was not asked for and allowed, should libcurl ever be about to dial it."""
        host = textual(address.addr)
        if host not in self.addresses or not self.policy.addresses.allows(host):
            self.blocked = True
            return SOCKET_BAD
        self.dialled = True
        return _Descriptor(address)

    def on_body(self, chunk: bytes) -> int | None:
        room = self.max_body - self.size
        self.chunks.append(chunk[:room])
        self.size += len(chunk)
        return None if self.size < self.max_body else 0  # enough: libcurl closes the connection

    def reply(self, code: int) -> Reply:
        """The outcome, given libcurl's result code."""
        curl = self.curl
        head = _final_head(tuple(self.lines))
        status = None if head is None else curl.getinfo(pycurl.RESPONSE_CODE)
        if status is not None and status < 100:  # libcurl takes 000 for a status
            status = None
        if status in _BODILESS and _announces_body(head or ()):
            self._hang_up()
        latency = int((time.monotonic() - self.began) * 1000)
        error = self._error(status, code)
        return Reply(status, error, latency, head or (), b"".join(self.chunks), self._timings())

    def _hang_up(self) -> None:
        """End the connection that libcurl has kept: it finds it dead when it is about to use it again."""
        descriptor = self.curl.getinfo(pycurl.ACTIVESOCKET)
        if descriptor != SOCKET_BAD:
            with socket.socket(fileno=os.dup(descriptor)) as connection, suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _timings(self) -> Timings:
        info = self.curl.getinfo
        # cut off as the others are: together they are never more than the whole
        waited = None if self.resolved_after is None else int(self.resolved_after * 1000)
        # libcurl counts to the end of an attempt that nobody answered
        first_byte = _milliseconds(info(pycurl.STARTTRANSFER_TIME_T)) if self.lines else None
        if first_byte is not None and waited:
            first_byte += waited
        if not self.dialled:
            return Timings(waited, None, None, first_byte)
        connected = info(pycurl.CONNECT_TIME_T)
        return Timings(
            waited,
            _milliseconds(connected),
            _milliseconds(info(pycurl.APPCONNECT_TIME_T), connected),
            first_byte,
        )

    def _error(self, status: int | None, code: int) -> str | None:
        if status is None:
            return self._error_without_status(code)
        error = failures.of_status(status)
        if error is None and self.curl.getinfo(pycurl.SIZE_UPLOAD_T) < self.sent:
            return failures.BAD_RESPONSE  # answered before it had the whole request
        return error

    def _error_without_status(self, code: int) -> str:
        if self.blocked:
            return failures.BLOCKED_ADDRESS
        too_large = sum(map(len, self.lines)) > MAX_HEAD
        return failures.BAD_RESPONSE if too_large else failures.of_curl_code(code)


def remembering(function: Callable[[Lines], Found]) -> Callable[[Lines], Found]:
    """Make a function of a response's head remember what it found of the last short ones."""
    remembered = lru_cache(maxsize=REMEMBERED)(function)
    return lambda head: (remembered if len(head) <= SHORT else function)(head)


@remembering
def _final_head(lines: Lines) -> Lines | None:
    """The lines of the response that is not an interim one, less its trailers; None where it is not whole."""
    head: list[bytes] = []
    size = 0
    for line in lines:
        size += len(line)
        if size > MAX_HEAD:
            return None
        if line in _END_OF_HEAD:
            if head[0][9:10] != b"1" or head[0][9:12] == b"101":
                return tuple(head)
            head.clear()
        else:
            head.append(line)
    return None


@remembering
def _announces_body(head: Lines) -> bool:
    """Whether the headers speak of a body. libcurl reads none where none may be: it would come later."""
    return any(map(_OF_A_BODY, head))


def _milliseconds(until: int, since: int = 0) -> int | None:
    """The time between two of libcurl's moments, which are in microseconds, and 0 for what never came."""
    return (until - since) // 1000 if until else None


def _new_handle(exchange: Exchange, policy: OutboundPolicy, authorities: Authorities) -> Any:
    curl = pycurl.Curl()
    protocols = pycurl.PROTO_HTTPS | (pycurl.PROTO_HTTP if policy.allow_http else 0)
    for option, value in (
        (pycurl.POST, 1),
        (pycurl.NOSIGNAL, 1),
        (pycurl.FOLLOWLOCATION, 0),
        (pycurl.PROXY, ""),
        (pycurl.NOPROXY, "*"),
        (pycurl.PROTOCOLS, protocols),
        (pycurl.REDIR_PROTOCOLS, 0),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.SSL_ENABLE_ALPN, 0),
        (pycurl.HTTP09_ALLOWED, 0),
        (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
        (pycurl.SSL_VERIFYPEER, 1),
        (pycurl.SSL_VERIFYHOST, 2),
        (pycurl.CAINFO, authorities.path),
        (pycurl.MAXAGE_CONN, MAX_IDLE),
        (pycurl.MAXLIFETIME_CONN, MAX_AGE),
        (pycurl.TCP_NODELAY, 1),
        (pycurl.HTTP_CONTENT_DECODING, 0),
        (pycurl.OPENSOCKETFUNCTION, exchange.open_socket),
        (pycurl.HEADERFUNCTION, exchange.lines.append),  # libcurl calls it for each line, and takes 300 kB
        (pycurl.WRITEFUNCTION, exchange.on_body),
    ):
        curl.setopt(option, value)
    return curl
