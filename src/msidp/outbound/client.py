"""The HTTP client for requests to addresses that somebody typed in: many at once, one thread, no trust.

libcurl's multi interface driven by epoll. Every request: the URL must still be one that may be saved, only
addresses that the policy allows are dialled (see `resolver`, and checked again on the very socket), no
redirects, no proxy, no cookies, no decompression, HTTP/1.1, TLS 1.2 or newer with certificate and name
verified, one deadline for everything from the name's resolution on, and at most 64 kB of headers and
16 kB of body read.
"""

import math
import os
import select
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pycurl

from msidp.errors import Invalid
from msidp.outbound import failures
from msidp.outbound.authorities import Authorities
from msidp.outbound.exchange import MAX_BODY, Exchange, Reply, Timings
from msidp.outbound.idle import IdleHandles
from msidp.outbound.resolver import Answer, Lookup, Resolver, system_lookup
from msidp.outbound.urls import DEFAULT_PORTS, OutboundPolicy, check_url

MAX_CONNECTIONS = 2560  # with those in use: beyond, libcurl closes one whenever a request ends

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
        self._multi.setopt(pycurl.M_MAXCONNECTS, MAX_CONNECTIONS)
        self._multi.setopt(pycurl.M_PIPELINING, 0)
        self._resolver = Resolver(policy.addresses, lookup)
        self._epoll = select.epoll()
        self._answers = self._resolver.fileno()
        self._epoll.register(self._answers, select.EPOLLIN)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._watched: set[int] = set()
        self._resting: set[int] = set()  # those of kept connections without a request
        self._soonest = math.inf  # when the first deadline of those in flight is over, or sooner
        self._idle = IdleHandles()
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
        exchange.prepare(url, headers, body, timeout, tag, max_body)
        self._soonest = min(self._soonest, exchange.ends_at)
        answer = self._resolver.find(place.host)
        if answer is None:
            self._waiting.append(_Waiting(exchange, place))
        else:
            self._dial(exchange, place, answer)

    def poll(self, wait: float) -> list[tuple[Any, Reply]]:
        """Let the requests proceed; returns those that ended, after at most `wait` seconds.

        Deadlines are judged here and not by libcurl, which would look at the clock before it reads: whoever
        calls this too late finds the answers that arrived meanwhile. So does a process that was stopped and
        goes on: epoll, whose time is up by then, has told it nothing.
        """
        self._proceed(self._patience(wait))
        if late := self._soonest <= time.monotonic():
            self._proceed(0)
        finished = self._finished()
        if late:
            finished += self._give_up(time.monotonic())
        return finished

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

    def _proceed(self, wait: float) -> None:
        """Read and write where that is possible, after at most `wait` seconds."""
        for fd, event in self._epoll.poll(wait, MAX_CONNECTIONS):
            if fd == self._answers:
                self._resume()
            elif fd == self._bell:
                os.eventfd_read(self._bell)
            elif fd in self._resting:
                self._forget(fd)  # its peer has hung up, as libcurl will find
            else:
                mask = (pycurl.CSELECT_IN if event & _READ else 0) | (
                    pycurl.CSELECT_OUT if event & select.EPOLLOUT else 0
                )
                self._multi.socket_action(fd, mask)
        if self._multi.timeout() == 0:  # asked once for many requests; a callback would come twice for each
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def _find_place(self, url: str) -> _Place | None:
        """Where the URL leads; None where it is not one that may be saved (any more)."""
        try:
            parts = urlsplit(check_url(url, self._policy))
        except Invalid:
            return None
        return _Place(parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])

    def _dial(self, exchange: Exchange, place: _Place, answer: Answer) -> None:
        if not answer.addresses:
            error = failures.BLOCKED_ADDRESS if answer.blocked else failures.DNS_ERROR
            self._refuse(exchange, error)
            return
        exchange.direct(place.port, answer)
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
            one.exchange.resolved_after = now - one.exchange.began
            self._dial(one.exchange, one.place, answer)

    def _give_up(self, now: float) -> list[tuple[Any, Reply]]:
        """End the requests whose deadlines are over."""
        late = [curl for curl, exchange in self._busy.items() if exchange.ends_at <= now]
        given_up = [self._end(curl, pycurl.E_OPERATION_TIMEDOUT) for curl in late]
        for one in [one for one in self._waiting if one.exchange.ends_at <= now]:
            self._waiting.remove(one)
            one.exchange.resolved_after = now - one.exchange.began
            self._refuse(one.exchange, failures.TIMEOUT)
        left = (*self._busy.values(), *(one.exchange for one in self._waiting))
        self._soonest = min((exchange.ends_at for exchange in left), default=math.inf)
        return given_up

    def _patience(self, wait: float) -> float:
        """How long to wait for events at most."""
        if self._refused:
            return 0.0
        own = self._multi.timeout()  # milliseconds; negative where libcurl needs no call
        return min(wait, max(0.0, self._soonest - time.monotonic()), own / 1000 if own >= 0 else math.inf)

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
        """Watch a socket for what libcurl awaits of it.

        After each request it lets go of the connection's socket, and takes it up with the next: epoll keeps
        it meanwhile, which costs half of adding it anew. One that is closed is gone from epoll by itself.
        """
        if event == pycurl.POLL_REMOVE:
            self._resting.add(fd)
            return
        self._resting.discard(fd)
        if fd in self._watched:
            with suppress(FileNotFoundError):  # it was closed, and this is another one of its number
                self._epoll.modify(fd, _EVENTS[event])
                return
        self._watched.add(fd)
        self._epoll.register(fd, _EVENTS[event])

    def _forget(self, fd: int) -> None:
        self._resting.discard(fd)
        self._watched.discard(fd)
        with suppress(OSError):  # it is closed
            self._epoll.unregister(fd)


def _without_response(error: str, waited: float | None = None) -> Reply:
    milliseconds = None if waited is None else round(waited * 1000)
    return Reply(None, error, milliseconds or 0, (), b"", Timings(milliseconds))
