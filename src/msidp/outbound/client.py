"""The HTTP client for requests to addresses that somebody typed in: many at once, one thread, no trust.

libcurl's multi interface driven by epoll. Every request: the URL must still be one that may be saved, only
addresses that the policy allows are dialled (see `resolver`, and checked again on the very socket), no
redirects, no proxy, no cookies, no decompression, HTTP/1.1, TLS 1.2 or newer with certificate and name
verified, one deadline for everything from the name's resolution on, and at most 64 kB of headers and
16 kB of body read.
"""

import os
import select
import time
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pycurl

from msidp.errors import Invalid
from msidp.outbound import failures
from msidp.outbound.authorities import Authorities
from msidp.outbound.exchange import MAX_BODY, Exchange, Reply, Timings
from msidp.outbound.resolver import Answer, Lookup, Resolver, system_lookup
from msidp.outbound.urls import DEFAULT_PORTS, OutboundPolicy, check_url

MAX_KEPT = 512  # idle connections, and handles

_READ = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class _Place(NamedTuple):
    """Where a URL leads."""

    host: str
    port: int


class _Waiting(NamedTuple):
    """A request that waits for its host's answer."""

    exchange: Exchange
    place: _Place
    begun: float
    timeout: float


class _Idle:
    """Handles without a request, by the URL of their last one: for that they need hardly be set up again."""

    def __init__(self) -> None:
        self._by_url: dict[str, list[Exchange]] = {}
        self._count = 0

    def put(self, exchange: Exchange) -> None:
        self._by_url.setdefault(exchange.url, []).append(exchange)
        self._count += 1

    def take(self, url: str) -> Exchange | None:
        """One that had this URL; any other, where there are enough; None where there are not."""
        if url not in self._by_url:
            if self._count < MAX_KEPT:
                return None
            url = next(iter(self._by_url))
        exchanges = self._by_url[url]
        exchange = exchanges.pop()
        if not exchanges:
            del self._by_url[url]
        self._count -= 1
        return exchange

    def empty(self) -> list[Exchange]:
        """All of them; none is left."""
        exchanges = list(chain.from_iterable(self._by_url.values()))
        self._by_url.clear()
        self._count = 0
        return exchanges


class Client:
    """Sends many requests at once. Belongs to one thread, but for `wake`."""

    def __init__(
        self, policy: OutboundPolicy, authorities: Authorities, lookup: Lookup = system_lookup
    ) -> None:
        self._policy = policy
        self._authorities = authorities
        self._place = lru_cache(maxsize=4096)(self._find_place)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, MAX_KEPT)
        self._multi.setopt(pycurl.M_PIPELINING, 0)
        self._resolver = Resolver(policy.addresses, lookup)
        self._epoll = select.epoll()
        self._epoll.register(self._resolver, select.EPOLLIN)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._watched: set[int] = set()
        self._timer: float | None = None
        self._idle = _Idle()
        self._busy: dict[Any, Exchange] = {}
        self._waiting: list[_Waiting] = []
        self._refused: list[tuple[Any, Reply]] = []

    @property
    def in_flight(self) -> int:
        """How many requests await their reply."""
        return len(self._busy) + len(self._waiting) + len(self._refused)

    def post(self, url: str, headers: Sequence[str], body: bytes, *, timeout: float, tag: Any) -> None:
        """Begin a POST that ends within `timeout` seconds; `poll` brings its reply back with the tag."""
        self._begin(url, headers, body, timeout, tag)

    def get(
        self, url: str, headers: Sequence[str], *, timeout: float, tag: Any, max_body: int = MAX_BODY
    ) -> None:
        """Begin a GET, likewise. `max_body` is how many bytes of the answer's body are read."""
        self._begin(url, headers, None, timeout, tag, max_body)

    def _begin(
        self,
        url: str,
        headers: Sequence[str],
        body: bytes | None,
        timeout: float,
        tag: Any,
        max_body: int = MAX_BODY,
    ) -> None:
        place = self._place(url)
        if place is None:
            self._refused.append((tag, _without_response(failures.BLOCKED_ADDRESS)))
            return
        exchange = self._idle.take(url) or Exchange(self._policy, self._authorities)
        exchange.prepare(url, headers, body, tag, max_body)
        answer = self._resolver.find(place.host)
        if answer is None:
            self._waiting.append(_Waiting(exchange, place, time.monotonic(), timeout))
        else:
            self._dial(exchange, place, answer, timeout)

    def poll(self, wait: float) -> list[tuple[Any, Reply]]:
        """Let the requests proceed; returns those that ended, after at most `wait` seconds."""
        for fd, event in self._epoll.poll(self._patience(wait)):
            if fd == self._resolver.fileno():
                self._resume()
                continue
            if fd == self._bell:
                os.eventfd_read(self._bell)
                continue
            mask = (pycurl.CSELECT_IN if event & _READ else 0) | (
                pycurl.CSELECT_OUT if event & select.EPOLLOUT else 0
            )
            self._multi.socket_action(fd, mask)
        if self._timer is not None and self._timer <= time.monotonic():
            self._timer = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        if self._waiting:
            self._give_up_waiting()
        return self._finished()

    def wake(self) -> None:
        """End a `poll` that waits, or the next one, at once. Any thread may call this, until `close`."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Abandon what is in flight and close every connection. A second time does nothing."""
        if self._epoll.closed:
            return
        for curl in self._busy:
            self._multi.remove_handle(curl)
        waiting = [each.exchange for each in self._waiting]
        for exchange in (*self._busy.values(), *self._idle.empty(), *waiting):
            exchange.curl.close()
        for requests in (self._busy, self._waiting, self._refused):
            requests.clear()
        self._multi.close()
        self._epoll.close()
        self._resolver.close()
        os.close(self._bell)

    def _find_place(self, url: str) -> _Place | None:
        """Where the URL leads; None where it is not one that may be saved (any more)."""
        try:
            parts = urlsplit(check_url(url, self._policy))
        except Invalid:
            return None
        return _Place(parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])

    def _dial(self, exchange: Exchange, place: _Place, answer: Answer, timeout: float) -> None:
        if not answer.addresses:
            error = failures.BLOCKED_ADDRESS if answer.blocked else failures.DNS_ERROR
            self._refuse(exchange, error)
            return
        exchange.direct(place.port, answer, timeout)
        self._busy[exchange.curl] = exchange
        self._multi.add_handle(exchange.curl)

    def _refuse(self, exchange: Exchange, error: str) -> None:
        """End a request that libcurl never heard of."""
        self._refused.append((exchange.tag, _without_response(error, exchange.resolved_after)))
        self._idle.put(exchange)

    def _resume(self) -> None:
        """Go on with the requests whose hosts have their answers."""
        answers = dict(self._resolver.finished())
        waiting, self._waiting = self._waiting, []
        now = time.monotonic()
        for one in waiting:
            answer = answers.get(one.place.host)
            if answer is None:
                self._waiting.append(one)
                continue
            one.exchange.resolved_after = now - one.begun
            self._dial(one.exchange, one.place, answer, one.timeout - (now - one.begun))

    def _give_up_waiting(self) -> None:
        now = time.monotonic()
        late = [one for one in self._waiting if now >= one.begun + one.timeout]
        for one in late:
            self._waiting.remove(one)
            one.exchange.resolved_after = now - one.begun
            self._refuse(one.exchange, failures.TIMEOUT)

    def _patience(self, wait: float) -> float:
        """How long to wait for events at most."""
        if self._refused:
            return 0.0
        ends = [one.begun + one.timeout for one in self._waiting]
        if self._timer is not None:
            ends.append(self._timer)
        return min(wait, max(0.0, min(ends) - time.monotonic())) if ends else wait

    def _finished(self) -> list[tuple[Any, Reply]]:
        finished, self._refused = self._refused, []
        more = 1
        while more:
            more, succeeded, failed = self._multi.info_read()
            finished += [self._end(curl, 0) for curl in succeeded]
            finished += [
                self._end(curl, code) for curl, code, _message in failed if not self._again(curl, code)
            ]
        return finished

    def _again(self, curl: Any, code: int) -> bool:
        """Begin a request once more whose kept connection was closed just as it went out."""
        exchange = self._busy[curl]
        if not exchange.came_too_late(code):
            return False
        self._multi.remove_handle(curl)
        exchange.renew()
        self._multi.add_handle(curl)
        return True

    def _end(self, curl: Any, code: int) -> tuple[Any, Reply]:
        exchange = self._busy.pop(curl)
        reply = exchange.reply(code)
        self._multi.remove_handle(curl)
        tag = exchange.tag
        self._idle.put(exchange)
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


def _without_response(error: str, waited: float | None = None) -> Reply:
    milliseconds = None if waited is None else round(waited * 1000)
    return Reply(None, error, milliseconds or 0, (), b"", Timings(milliseconds))
