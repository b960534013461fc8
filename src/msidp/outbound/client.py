"""The HTTP client for requests to addresses that somebody typed in: many at once, one thread, no trust.

libcurl's multi interface driven by epoll. Every request: only the policy's addresses are dialled
(checked on the very socket, so a name that resolves differently a moment later gains nothing), no
redirects, no proxy, no cookies, no decompression, HTTP/1.1, TLS 1.2 or newer with certificate and name
verified, one deadline for everything from the name's resolution on, and at most 64 kB of headers and
16 kB of body read.
"""

import os
import select
import socket
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import pycurl

from msidp.outbound import failures
from msidp.outbound.authorities import Authorities
from msidp.outbound.urls import OutboundPolicy

MAX_BODY = 16_384
MAX_HEAD = 65_536
MAX_IDLE = 30  # seconds a connection may wait for its next request
MAX_AGE = 90  # seconds after which a connection is made anew, and its address checked again
MAX_KEPT = 512  # idle connections

SOCKET_BAD: int = pycurl.SOCKET_BAD
_READ = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class Timings(NamedTuple):
    """How long the phases of a request took, in milliseconds; None for one that did not take place.

    The first three are none where a kept connection was used. `first_byte` is counted from the beginning.
    """

    dns: int | None = None
    connect: int | None = None
    tls: int | None = None
    first_byte: int | None = None


NO_TIMINGS = Timings()


class Reply(NamedTuple):
    """How one request ended.

    `status` is the HTTP status once a response's headers were complete, whatever its body did after;
    `error` is one of `failures.CLASSES`, None only after a 2xx. `head` holds the final response's header
    lines, undecoded.
    """

    status: int | None
    error: str | None
    latency_ms: int
    head: tuple[bytes, ...]
    excerpt: bytes
    timings: Timings = NO_TIMINGS


class _Descriptor:
    """A new socket's file descriptor for pycurl, which takes a copy and drops this object."""

    def __init__(self, address: Any) -> None:
        self._fd = socket.socket(address.family, address.socktype, address.protocol).detach()

    def fileno(self) -> int:
        return self._fd

    def __del__(self) -> None:
        os.close(self._fd)


class _Exchange:
    """One reusable libcurl handle, and what it has received of the present response."""

    def __init__(self, policy: OutboundPolicy, authorities: Authorities) -> None:
        self.policy = policy
        self.curl = _new_handle(self, policy, authorities)
        self.reset(None, 0)

    def reset(self, tag: Any, body_size: int) -> None:
        self.tag = tag
        self.sent = body_size
        self.head: list[bytes] = []
        self.head_size = 0
        self.complete = False
        self.chunks: list[bytes] = []
        self.size = 0
        self.blocked = False

    def open_socket(self, _purpose: int, address: Any) -> _Descriptor | int:
        """Refuse an address that libcurl is about to dial: only here is it known for certain."""
        if not self.policy.addresses.allows(_textual(address.addr)):
            self.blocked = True
        if self.blocked:  # one bad address spoils the rest of a name's addresses too
            return SOCKET_BAD
        return _Descriptor(address)

    def on_header(self, line: bytes) -> int | None:
        self.head_size += len(line)
        if self.head_size > MAX_HEAD:
            return -1
        if self.complete:  # a trailer
            return None
        if line.startswith(b"HTTP/"):
            self.head.clear()
        if line in (b"\r\n", b"\n"):
            self.complete = self.head[0][9:10] != b"1" or self.head[0][9:12] == b"101"
        else:
            self.head.append(line)
        return None

    def on_body(self, chunk: bytes) -> int | None:
        room = MAX_BODY - self.size
        self.chunks.append(chunk[:room])
        self.size += len(chunk)
        return None if self.size < MAX_BODY else 0  # enough: libcurl closes the connection

    def reply(self, code: int) -> Reply:
        """The outcome, given libcurl's result code."""
        curl = self.curl
        status = curl.getinfo(pycurl.RESPONSE_CODE) if self.complete else None
        if status is not None and status < 100:  # libcurl takes 000 for a status
            status = None
        latency = curl.getinfo(pycurl.TOTAL_TIME_T) // 1000
        return Reply(
            status,
            self._error(status, code),
            latency,
            tuple(self.head),
            b"".join(self.chunks),
            self._timings(),
        )

    def _timings(self) -> Timings:
        info = self.curl.getinfo
        first_byte = _milliseconds(info(pycurl.STARTTRANSFER_TIME_T))
        if not info(pycurl.NUM_CONNECTS):
            return Timings(first_byte=first_byte)
        resolved, connected = info(pycurl.NAMELOOKUP_TIME_T), info(pycurl.CONNECT_TIME_T)
        secured = info(pycurl.APPCONNECT_TIME_T)
        return Timings(
            _milliseconds(resolved),
            _milliseconds(connected, resolved),
            _milliseconds(secured, connected),
            first_byte,
        )

    def _error(self, status: int | None, code: int) -> str | None:
        if status is None:
            return failures.BLOCKED_ADDRESS if self.blocked else failures.of_curl_code(code)
        error = failures.of_status(status)
        if error is None and self.curl.getinfo(pycurl.SIZE_UPLOAD_T) < self.sent:
            return failures.BAD_RESPONSE  # answered before it had the whole request
        return error


class Client:
    """Sends many requests at once. Belongs to one thread."""

    def __init__(self, policy: OutboundPolicy, authorities: Authorities) -> None:
        self._policy = policy
        self._authorities = authorities
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, MAX_KEPT)
        self._multi.setopt(pycurl.M_PIPELINING, 0)
        self._epoll = select.epoll()
        self._watched: set[int] = set()
        self._timer: float | None = None
        self._idle: list[_Exchange] = []
        self._busy: dict[Any, _Exchange] = {}

    @property
    def in_flight(self) -> int:
        """How many requests await their reply."""
        return len(self._busy)

    def post(self, url: str, headers: Sequence[str], body: bytes, *, timeout: float, tag: Any) -> None:
        """Begin a POST that ends within `timeout` seconds; `poll` brings its reply back with the tag."""
        exchange = self._idle.pop() if self._idle else _Exchange(self._policy, self._authorities)
        exchange.reset(tag, len(body))
        curl = exchange.curl
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.HTTPHEADER, headers)
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(timeout * 1000)))
        self._busy[curl] = exchange
        self._multi.add_handle(curl)

    def poll(self, wait: float) -> list[tuple[Any, Reply]]:
        """Let the requests proceed; returns those that ended, after at most `wait` seconds."""
        timer = self._timer
        if timer is not None:
            wait = min(wait, max(0.0, timer - time.monotonic()))
        events = self._epoll.poll(wait)
        for fd, event in events:
            mask = (pycurl.CSELECT_IN if event & _READ else 0) | (
                pycurl.CSELECT_OUT if event & select.EPOLLOUT else 0
            )
            self._multi.socket_action(fd, mask)
        if self._timer is not None and self._timer <= time.monotonic():
            self._timer = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return self._finished()

    def close(self) -> None:
        """Abandon what is in flight and close every connection."""
        for curl in self._busy:
            self._multi.remove_handle(curl)
        for exchange in (*self._busy.values(), *self._idle):
            exchange.curl.close()
        self._busy.clear()
        self._idle.clear()
        self._multi.close()
        self._epoll.close()

    def _finished(self) -> list[tuple[Any, Reply]]:
        finished: list[tuple[Any, Reply]] = []
        more = 1
        while more:
            more, succeeded, failed = self._multi.info_read()
            finished += [self._end(curl, 0) for curl in succeeded]
            finished += [self._end(curl, code) for curl, code, _message in failed]
        return finished

    def _end(self, curl: Any, code: int) -> tuple[Any, Reply]:
        exchange = self._busy.pop(curl)
        reply = exchange.reply(code)
        self._multi.remove_handle(curl)
        tag = exchange.tag
        self._idle.append(exchange)
        return tag, reply

    def _on_socket(self, event: int, fd: int, _multi: Any, _data: Any) -> None:
        if event == pycurl.POLL_REMOVE:
            if fd in self._watched:
                self._watched.discard(fd)
                self._epoll.unregister(fd)
        elif fd in self._watched:
            self._epoll.modify(fd, _EVENTS[event])
        else:
            self._watched.add(fd)
            self._epoll.register(fd, _EVENTS[event])

    def _on_timer(self, milliseconds: int) -> None:
        self._timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000


def _milliseconds(until: int, since: int = 0) -> int | None:
    """The time between two of libcurl's moments, which are in microseconds, and 0 for what never came."""
    return (until - since) // 1000 if until else None


def _textual(address: Any) -> str:
    """The address of a Python socket address, with its zone where it has one."""
    host: str = address[0]
    return f"{host}%{address[3]}" if len(address) == 4 and address[3] else host


def _new_handle(exchange: _Exchange, policy: OutboundPolicy, authorities: Authorities) -> Any:
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
        (pycurl.HEADERFUNCTION, exchange.on_header),
        (pycurl.WRITEFUNCTION, exchange.on_body),
    ):
        curl.setopt(option, value)
    return curl
