"""The ceiling: the same POSTs by pycurl alone, without queue, database, signatures or address guard.

    python -m bench.ceiling URL AUTHORITY COUNT IN_FLIGHT SIZE

Prints the CPU seconds and the seconds it took, as JSON. It drives libcurl's multi interface the quickest
way there is, socket_action over epoll, with reused handles and kept connections.
"""

import json
import select
import sys
import time
from typing import Any

import pycurl

_READ = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class _Sender:
    def __init__(self) -> None:
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self.epoll = select.epoll()
        self.watched: set[int] = set()
        self.timer: float | None = None

    def _watch(self, event: int, fd: int, _multi: Any, _data: Any) -> None:
        if event == pycurl.POLL_REMOVE:
            self.watched.discard(fd)
            self.epoll.unregister(fd)
        elif fd in self.watched:
            self.epoll.modify(fd, _EVENTS[event])
        else:
            self.watched.add(fd)
            self.epoll.register(fd, _EVENTS[event])

    def _set_timer(self, milliseconds: int) -> None:
        self.timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def step(self) -> list[Any]:
        """Wait for something to happen; the handles that are done."""
        wait = 1.0 if self.timer is None else max(0.0, self.timer - time.monotonic())
        for fd, event in self.epoll.poll(wait):
            mask = (pycurl.CSELECT_IN if event & _READ else 0) | (
                pycurl.CSELECT_OUT if event & select.EPOLLOUT else 0
            )
            self.multi.socket_action(fd, mask)
        if self.timer is not None and self.timer <= time.monotonic():
            self.timer = None
            self.multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        done: list[Any] = []
        more = 1
        while more:
            more, succeeded, failed = self.multi.info_read()
            assert not failed, failed
            done += succeeded
        return done


def _handle(url: str, authority: str, size: int) -> Any:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, authority)
    curl.setopt(pycurl.POSTFIELDS, b"x" * size)
    curl.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json", "Expect:"])
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    return curl


def main(url: str, authority: str, count: int, in_flight: int, size: int) -> None:
    """Send that many POSTs."""
    sender = _Sender()
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(in_flight):
        sender.multi.add_handle(_handle(url, authority, size))
    started, finished = in_flight, 0
    while finished < count:
        for curl in sender.step():
            assert curl.getinfo(pycurl.RESPONSE_CODE) == 204
            finished += 1
            sender.multi.remove_handle(curl)
            if started < count:
                started += 1
                sender.multi.add_handle(curl)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - began}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
