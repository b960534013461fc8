"""One request and its response: a reusable libcurl handle that trusts nobody."""

import os
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

import pycurl

from msidp.outbound import failures
from msidp.outbound.authorities import Authorities
from msidp.outbound.resolver import Answer, textual
from msidp.outbound.urls import OutboundPolicy

MAX_BODY = 16_384
MAX_HEAD = 65_536
MAX_IDLE = 30  # seconds a connection may wait for its next request
MAX_AGE = 90  # seconds after which a connection is made anew

SOCKET_BAD: int = pycurl.SOCKET_BAD


class Timings(NamedTuple):
    """How long the phases of a request took, in milliseconds; None for one that did not take place.

    There is no `dns` where the name's addresses were still known, no `connect` and `tls` where a connection
    was kept. `first_byte` is counted from the beginning.
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


class Exchange:
    """One reusable libcurl handle, and what it has received of the present response."""

    def __init__(self, policy: OutboundPolicy, authorities: Authorities) -> None:
        self.policy = policy
        self.curl = _new_handle(self, policy, authorities)
        self._prepared: tuple[str, Answer] | None = None

    def prepare(
        self, url: str, headers: Sequence[str], body: bytes | None, tag: Any, max_body: int = MAX_BODY
    ) -> None:
        """Take a new request up: a POST of this body, or a GET. `url`'s name may be without an answer yet."""
        self.url = url
        self.tag = tag
        self.max_body = max_body
        self.sent = len(body or b"")
        self.head: list[bytes] = []
        self.head_size = 0
        self.complete = False
        self.chunks: list[bytes] = []
        self.size = 0
        self.addresses: tuple[str, ...] = ()
        self.blocked = False
        self.resolved_after: float | None = None  # seconds that the name's lookup took
        curl = self.curl
        curl.setopt(pycurl.HTTPHEADER, headers)
        if body is None:
            curl.setopt(pycurl.HTTPGET, 1)
        else:
            curl.setopt(pycurl.POSTFIELDS, body)  # makes it a POST again

    def direct(self, port: int, answer: Answer, timeout: float) -> None:
        """Dial these addresses, whatever the URL's name; certificate and Host header stay the name's.

        The alias takes the name's place among the kept connections too: one that was made to other
        addresses is not used again.
        """
        curl = self.curl
        self.addresses = answer.addresses
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(timeout * 1000)))
        if self._prepared == (self.url, answer):
            return
        self._prepared = (self.url, answer)
        curl.setopt(pycurl.URL, self.url)
        curl.setopt(pycurl.CONNECT_TO, [f"::{answer.alias}:{port}"])
        addresses = ",".join(f"[{each}]" if ":" in each else each for each in answer.addresses)
        curl.setopt(pycurl.RESOLVE, [f"+{answer.alias}:{port}:{addresses}"])

    def open_socket(self, _purpose: int, address: Any) -> _Descriptor | int:
        """Refuse whatever was not asked for and allowed, should libcurl ever be about to dial it."""
        host = textual(address.addr)
        if host not in self.addresses or not self.policy.addresses.allows(host):
            self.blocked = True
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
        room = self.max_body - self.size
        self.chunks.append(chunk[:room])
        self.size += len(chunk)
        return None if self.size < self.max_body else 0  # enough: libcurl closes the connection

    def reply(self, code: int) -> Reply:
        """The outcome, given libcurl's result code."""
        curl = self.curl
        status = curl.getinfo(pycurl.RESPONSE_CODE) if self.complete else None
        if status is not None and status < 100:  # libcurl takes 000 for a status
            status = None
        waited = self.resolved_after or 0.0
        latency = round(waited * 1000) + curl.getinfo(pycurl.TOTAL_TIME_T) // 1000
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
        waited = None if self.resolved_after is None else round(self.resolved_after * 1000)
        first_byte = _milliseconds(info(pycurl.STARTTRANSFER_TIME_T))
        if first_byte is not None and waited:
            first_byte += waited
        if not info(pycurl.NUM_CONNECTS):
            return Timings(waited, first_byte=first_byte)
        connected = info(pycurl.CONNECT_TIME_T)
        return Timings(
            waited,
            _milliseconds(connected),
            _milliseconds(info(pycurl.APPCONNECT_TIME_T), connected),
            first_byte,
        )

    def _error(self, status: int | None, code: int) -> str | None:
        if status is None:
            return failures.BLOCKED_ADDRESS if self.blocked else failures.of_curl_code(code)
        error = failures.of_status(status)
        if error is None and self.curl.getinfo(pycurl.SIZE_UPLOAD_T) < self.sent:
            return failures.BAD_RESPONSE  # answered before it had the whole request
        return error


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
        (pycurl.HEADERFUNCTION, exchange.on_header),
        (pycurl.WRITEFUNCTION, exchange.on_body),
    ):
        curl.setopt(option, value)
    return curl
