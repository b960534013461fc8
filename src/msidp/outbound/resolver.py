"""From a name to the addresses that are dialled: looked up once for a request, every one of them checked.

One address that may not be dialled spoils the whole answer: a name with a public and a private address is
what an attacker makes who hopes for the other one. What was checked is what is dialled, for the HTTP client
is told the addresses and looks up nothing itself. An answer holds for half a minute.
"""

import hashlib
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from msidp.outbound.addresses import AddressPolicy

FRESH = 30.0  # seconds for which an answer holds
LOOKUPS = 512  # at once; each waits in a thread of its own, for the system's resolver can do no better
KEPT = 10_000  # answers

Lookup = Callable[[str], Sequence[str]]
"""All addresses of a name, in the order of preference. Raises OSError where there are none."""


class Answer(NamedTuple):
    """What is known of a host. No addresses: it may not be dialled (`blocked`), or does not resolve.

    `alias` stands for exactly these addresses: a kept connection is used again under the same alias alone.
    """

    addresses: tuple[str, ...]
    blocked: bool
    alias: str
    until: float


def system_lookup(host: str) -> list[str]:
    """What the system's resolver says, /etc/hosts included."""
    found = socket.getaddrinfo(host.encode(), None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(textual(info[4]) for info in found))


def textual(address: Any) -> str:
    """The address of a Python socket address, with its zone where it has one."""
    host: str = address[0]
    return f"{host}%{address[3]}" if len(address) == 4 and address[3] else host


class Resolver:
    """Looks up hosts without ever waiting for one. Belongs to one thread.

    `fileno` becomes readable when lookups have ended; `finished` then gives them.
    """

    def __init__(self, policy: AddressPolicy, lookup: Lookup = system_lookup) -> None:
        self._policy = policy
        self._lookup = lookup
        self._known: dict[str, Answer] = {}
        self._pending: set[str] = set()
        self._backlog: deque[str] = deque()
        self._running = 0
        self._ended: deque[tuple[str, Answer]] = deque()  # the threads append, their owner pops
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closing = threading.Lock()  # held to ring, so that nobody rings a bell that is gone

    def fileno(self) -> int:
        return self._bell

    def find(self, host: str) -> Answer | None:
        """The answer for a name or a literal address; None where it takes a lookup, which has then begun."""
        known = self._known.get(host)
        if known is not None and time.monotonic() < known.until:
            return known
        try:
            literal = str(ip_address(host))
        except ValueError:
            self._begin(host)
            return None
        return self._remember(host, self._check([literal]))

    def finished(self) -> list[tuple[str, Answer]]:
        """The hosts whose lookup has ended since the last call, and their answers."""
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return []
        found = []
        while self._ended:
            host, answer = self._ended.popleft()
            self._pending.discard(host)
            self._running -= 1
            if answer.addresses:
                self._remember(host, answer)
            found.append((host, answer))
        while self._backlog and self._running < LOOKUPS:
            self._start(self._backlog.popleft())
        return found

    def close(self) -> None:
        """Take no more answers. Lookups under way end by themselves."""
        with self._closing:
            if self._bell >= 0:
                os.close(self._bell)
            self._bell = -1

    def _begin(self, host: str) -> None:
        if host in self._pending:
            return
        self._pending.add(host)
        if self._running < LOOKUPS:
            self._start(host)
        else:
            self._backlog.append(host)

    def _start(self, host: str) -> None:
        self._running += 1
        threading.Thread(target=self._resolve, args=(host,), name="lookup", daemon=True).start()

    def _resolve(self, host: str) -> None:
        """In a thread of its own."""
        try:
            addresses = self._lookup(host)
        except (OSError, UnicodeError):
            addresses = []
        self._ended.append((host, self._check(addresses)))
        with self._closing:
            if self._bell >= 0:
                os.eventfd_write(self._bell, 1)

    def _check(self, addresses: Sequence[str]) -> Answer:
        until = time.monotonic() + FRESH
        if not all(map(self._policy.allows, addresses)):
            return Answer((), True, "", until)
        digest = hashlib.sha256(" ".join(sorted(addresses)).encode()).hexdigest()[:32]
        return Answer(tuple(addresses), False, f"{digest}.invalid", until)  # a name nobody has (RFC 6761)

    def _remember(self, host: str, answer: Answer) -> Answer:
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[host] = answer
        return answer
