"""The ceiling: the same POSTs by pycurl alone, without queue, database, signatures or address guard.

    python -m bench.ceiling AUTHORITY COUNT IN_FLIGHT SIZE URL…

Prints the CPU seconds and the seconds it took, as JSON. It drives libcurl's multi interface the quickest
way there is, socket_action over epoll, with reused handles and kept connections. Each POST has a body and
headers of its own, as long as a delivery's; they were made before.
"""

import json
import select
import sys
import time
from collections.abc import Iterator, Sequence
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


def _handle(url: str, authority: str) -> Any:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, authority)
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    return curl


def _requests(count: int, size: int) -> Iterator[tuple[list[str], bytes]]:
    """Headers and bodies as they go out in Memberstack's dialect."""
    for number in range(count):
        id_, signature = f"evt_{number:026}", f"v1,{number:043}="
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "msidp/1.0.0",
            "webhook-id": id_,
            "webhook-timestamp": "1700000000",
            "webhook-signature": signature,
            "svix-id": id_,
            "svix-timestamp": "1700000000",
            "svix-signature": signature,
        }
        yield [f"{name}: {value}" for name, value in headers.items()], b"%0*d" % (size, number)


def main(authority: str, count: int, in_flight: int, size: int, urls: Sequence[str]) -> None:
    """Send that many POSTs, to the URLs in turn."""
    sender = _Sender()
    waiting = list(_requests(count, size))

    def begin(curl: Any) -> None:
        headers, body = waiting.pop()
        curl.setopt(pycurl.HTTPHEADER, headers)
        curl.setopt(pycurl.POSTFIELDS, body)
        sender.multi.add_handle(curl)

    began, cpu = time.perf_counter(), time.process_time()
    for number in range(in_flight):
        begin(_handle(urls[number % len(urls)], authority))
    finished = 0
    while finished < count:
        for curl in sender.step():
            assert curl.getinfo(pycurl.RESPONSE_CODE) == 204
            finished += 1
            sender.multi.remove_handle(curl)
            if waiting:
                begin(curl)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - began}))


if __name__ == "__main__":
    count, in_flight, size = map(int, sys.argv[2:5])
    main(sys.argv[1], count, in_flight, size, sys.argv[5:])
