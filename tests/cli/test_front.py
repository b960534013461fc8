"""What stands between granian and the application, over real sockets."""

import asyncio
import collections
import json
import queue
import select
import signal
import socket
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.instance import Instance, eventually

from msidp.cli import leaders
from msidp.cli.environ import sender_of
from msidp.cli.front import LABORIOUS_WAITING, Front
from msidp.incoming import LABORIOUS, MAX_BODY
from msidp.vault.passwords import TURNS
from msidp.web import REFUSAL

FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("front") / "instance") as instance:
        yield instance


@pytest.fixture(scope="module")
def silent(running: Instance) -> Iterator[socket.socket]:
    """A connection that says nothing, from the first test on."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=45) as connection:
        yield connection


def begin(instance: Instance, head: str, body: bytes = b"", *, path: str = "/token") -> socket.socket:
    """Send the begin of a POST request."""
    connection = socket.create_connection(("127.0.0.1", instance.port), timeout=25)
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
    return connection


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """The status and what follows its line, to the end of the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return int(received[9:12]), received


def test_bodies_that_never_end_hold_up_nobody_and_are_refused(
    running: Instance, silent: socket.socket
) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(begin(running, f"{FORM}\r\nContent-Length: 100", b"a")) for _ in range(64)
        ]
        assert requests.get(f"{running.base_url}/healthz", timeout=5).status_code == 200
        assert requests.post(f"{running.base_url}/token", data={"a": "b"}, timeout=5).status_code == 400
        status, text = answer(slow[0])
        assert status == 408
        assert b'"error":"invalid_request"' in text


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 200", b'{"email":"cut@example.com"}'),
        ("Transfer-Encoding: chunked", b'1b\r\n{"email":"cut@example.com"}\r\n'),
        ("Transfer-Encoding: chunked", b'1b\r\n{"email":"cut@example.com"}\r\nzz\r\n'),
    ],
)
def test_a_body_that_was_cut_is_not_acted_upon(running: Instance, framing: str, body: bytes) -> None:
    key = running.command("api-key", "create", "--name", "cut")["secretKey"]
    head = f"X-API-KEY: {key}\r\nContent-Type: application/json\r\n{framing}"
    with begin(running, head, body, path="/members") as connection:
        connection.shutdown(socket.SHUT_WR)
        status, text = answer(connection)
    assert status == 400
    assert b"incomplete-body" in text
    listed = requests.get(f"{running.base_url}/members", headers={"X-API-KEY": key}, timeout=5).json()
    assert listed["data"] == []


@pytest.mark.parametrize(
    ("line", "hosts", "status"),
    [
        ("GET /healthz HTTP/1.1", [], 400),
        ("GET /healthz HTTP/1.0", [], 200),
        ("GET /healthz HTTP/1.1", ["a.example", "a.example"], 400),
        ("GET /healthz HTTP/1.1", ["a.example", "evil.example"], 400),
        ("GET /healthz HTTP/1.1", ["A-1_b.example:8000"], 200),
        ("GET /healthz HTTP/1.1", ["[::1]:8000"], 200),
        *(
            ("GET /healthz HTTP/1.1", [host], 400)
            for host in ("", "a b", "u@a", "a/b", "a:b:c", "[::1", "\xe4")
        ),
        ("GET healthz HTTP/1.1", ["evil.example"], 400),
        ("GET http://a.example/healthz HTTP/1.1", ["a.example"], 200),
    ],
)
def test_a_request_names_one_host_and_a_path(
    running: Instance, line: str, hosts: list[str], status: int
) -> None:
    """RFC 9112, section 3.2. Its target is a path: werkzeug would lead others to the host they name."""
    head = [line, *(f"Host: {host}" for host in hosts), "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", running.port), timeout=25) as connection:
        connection.sendall("\r\n".join(head).encode("latin-1"))
        assert answer(connection)[0] == status


def test_of_two_framings_the_chunks_count(running: Instance) -> None:
    key = running.command("api-key", "create", "--name", "both")["secretKey"]
    head = f"X-API-KEY: {key}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked"
    with begin(running, head, b"2\r\n{}\r\n", path="/plans") as connection:
        requests.get(f"{running.base_url}/healthz", timeout=5)  # the first chunk has come
        connection.sendall(b"3\r\n[]}\r\n0\r\n\r\n")
        status, text = answer(connection)  # and is the last of its connection
    assert status == 400
    assert b"invalid-json" in text


def test_an_encoding_that_is_not_known_is_refused_by_name(running: Instance) -> None:
    """RFC 9112, section 6.1: what the chunks hold would be taken for what it is not."""
    for path, encoding, expected in (
        ("/members", "gzip, chunked", 501),
        ("/token", "chunked, chunked", 501),
        ("/register", "identity, chunked", 501),
        ("/members", "Chunked", 401),
    ):
        head = f"Connection: close\r\nTransfer-Encoding: {encoding}"
        with begin(running, head, b"2\r\n{}\r\n0\r\n\r\n", path=path) as connection:
            status, text = answer(connection)
        assert (status, b"only chunked is known" in text) == (expected, expected == 501), (path, encoding)


def test_forms_that_cost_a_hash_hold_up_nothing_else() -> None:
    """However many there are: some are in hand, some wait, and the others are told to come back."""
    hold, called = threading.Event(), queue.SimpleQueue[tuple[str, int]]()
    held_up = {("POST", path) for path in LABORIOUS}

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        called.put((environ["PATH_INFO"], environ.get(REFUSAL, 0)))
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) in held_up and REFUSAL not in environ:
            hold.wait(20)
        start("200 OK", [])
        return []

    with closing(asyncio.new_event_loop()) as loop:
        schedule = Front(application, 4)._scheduler(loop, None, None)
    held = TURNS + 2 + LABORIOUS_WAITING
    for number in range(held + 5):
        path = ("/login", "//login", "/%2Flogin")[number % 3]  # to werkzeug they are the same, as are
        schedule(FakeRequest(("POST", "post")[number % 2], path))
    schedule(FakeRequest("GET", "/login"))
    schedule(FakeRequest("POST", "/token"))
    schedule(FakeRequest("POST", "/dashboard/sign-in"))  # a rush of members keeps no operator out
    seen = [called.get(timeout=20) for _ in range(TURNS + 2 + 5 + 3)]
    hold.set()
    seen += [called.get(timeout=20) for _ in range(LABORIOUS_WAITING)]
    answered = collections.Counter(seen)
    assert answered == {
        ("/login", 0): held + 1, ("/login", 503): 5, ("/token", 0): 1, ("/dashboard/sign-in", 0): 1
    }  # fmt: skip


@pytest.mark.parametrize("leads", [True, False])
def test_with_every_place_taken_the_process_says_that_it_lives(leads: bool) -> None:
    hold, called = threading.Event(), queue.SimpleQueue[str]()

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        called.put(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/members":
            hold.wait(20)
        start("200 OK", [])
        return []

    with closing(asyncio.new_event_loop()) as loop:
        schedule = Front(application, 2, leads=leads)._scheduler(loop, None, None)
    for path in ("/members", "/members", "/members", "/healthz"):
        threading.Thread(target=schedule, args=(FakeRequest("GET", path),), daemon=True).start()
    try:
        assert sorted(called.get(timeout=10) for _ in range(3)) == ["/healthz", "/members", "/members"]
    finally:
        hold.set()
    assert called.get(timeout=10) == "/members"


def test_a_thread_that_sleeps_keeps_nothing_of_what_arrived_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was left to another thread, and answered there."""
    monkeypatch.setattr(leaders, "SLOW", 60)  # however long it takes, it counts as quick
    running, goes_on = threading.Event(), threading.Event()
    brought: queue.SimpleQueue[weakref.ref[Any]] = queue.SimpleQueue()

    class Brought:
        pass

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/first":
            running.set()
            goes_on.wait(20)
        else:
            environ["test.brought"] = Brought()
            brought.put(weakref.ref(environ["test.brought"]))
        start("200 OK", [])
        return []

    with closing(asyncio.new_event_loop()) as loop:
        front = Front(application, 4, leads=True)
        schedule = front._scheduler(loop, None, None)
    followers = front._run.__self__._followers  # type: ignore[union-attr]  # of its Leaders
    threading.Thread(target=schedule, args=(FakeRequest("GET", "/first"),), daemon=True).start()
    assert running.wait(10)
    threading.Thread(target=schedule, args=(FakeRequest("GET", "/second"),), daemon=True).start()
    eventually(lambda: followers)
    goes_on.set()
    kept = brought.get(timeout=10)
    eventually(lambda: kept() is None)
    assert followers  # it sleeps still


def test_a_panic_is_answered_as_any_crash() -> None:
    """What is written in Rust (pydantic, cryptography) raises what is no Exception."""

    def application(_environ: dict[str, Any], _start: Any) -> list[bytes]:
        raise BaseException("as the test wants")

    with closing(asyncio.new_event_loop()) as loop:
        schedule = Front(application, 4, leads=True)._scheduler(loop, None, None)
    asked = FakeRequest("GET", "/")
    schedule(asked)
    assert [event.get("status") for event in asked.sent] == [500, None]
    assert asked.ended


def test_writes_that_wait_hold_up_nothing_else(running: Instance) -> None:
    """Requests are answered where they arrive; and yet others arrive while the database is busy."""
    key = running.command("api-key", "create", "--name", "wait")["secretKey"]
    created: list[int] = []

    def create(number: int) -> None:
        sent = {"email": f"waits-{number}@example.com"}
        answer = requests.post(
            f"{running.base_url}/members", json=sent, headers={"X-API-KEY": key}, timeout=30
        )
        created.append(answer.status_code)

    writers = [threading.Thread(target=create, args=(number,)) for number in range(12)]
    with closing(sqlite3.connect(running.directory / "msidp.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        for number, writer in enumerate(writers):
            writer.start()
            if number % 4 == 3:
                for path in ("healthz", "jwks", "login"):
                    assert requests.get(f"{running.base_url}/{path}", timeout=2).ok
        assert created == []
        database.execute("ROLLBACK")
    for writer in writers:
        writer.join(30)
    assert created == [200] * 12


def test_of_one_sender_only_so_much_is_in_hand(running: Instance) -> None:
    """Nobody has said who they are yet: who holds large bodies back keeps nobody else's out."""
    head, size = "Content-Type: application/json\r\nContent-Length: 9999999", 9_900_000
    with ExitStack() as stack:
        held = [stack.enter_context(begin(running, head, path="/members/import")) for _ in range(3)]
        for connection in held:
            with suppress(OSError):  # refused before the end of it
                connection.sendall(b" " * size)
        refused, _, _ = select.select(held, [], [], 25)  # whichever it was that was one too many
        assert len(refused) == 1
        status, _ = answer(refused[0])
        assert status == 503
        assert requests.get(f"{running.base_url}/members", timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("forwarded", "proxies", "sender"),
    [
        ("198.51.100.1", 0, "192.0.2.1"),
        ("", 1, "192.0.2.1"),
        ("10.9.9.9, 198.51.100.1", 1, "198.51.100.1"),
        ("10.9.9.9, 198.51.100.1, 10.0.0.1", 2, "198.51.100.1"),
        ("2001:db8::1:2:3:4", 1, "2001:db8::/64"),
        ("unknown", 1, "unknown"),
    ],
)
def test_a_sender_is_whom_the_trusted_proxies_name(forwarded: str, proxies: int, sender: str) -> None:
    environ = {"REMOTE_ADDR": "192.0.2.1"} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})
    assert sender_of(environ, proxies) == sender


class FakeRequest:
    """A request as granian hands it over, which nobody waits for."""

    def __init__(self, method: str, path: str) -> None:
        self.proto = self
        self.sent: list[dict[str, Any]] = []
        self.ended = False
        self.scope = {
            "method": method, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1",
            "server": ("127.0.0.1", "80"), "client": ("127.0.0.1", "1"), "scheme": "http",
            "headers": [(b"host", b"a.example")],
        }  # fmt: skip

    def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)

    def done(self) -> None:
        self.ended = True


def test_connections_that_say_nothing_shut_nobody_out(running: Instance) -> None:
    with ExitStack() as stack:
        address = ("127.0.0.1", running.port)
        for _ in range(1200):
            stack.enter_context(socket.create_connection(address, timeout=5))
        assert requests.get(f"{running.base_url}/healthz", timeout=5).status_code == 200


def test_the_size_is_limited_however_it_is_announced(running: Instance) -> None:
    with begin(running, f"Content-Length: {MAX_BODY + 1}") as connection:
        assert connection.recv(12) == b"HTTP/1.1 413"  # before any of it was sent
    key = running.command("api-key", "create", "--name", "size")["secretKey"]
    for size, status in ((MAX_BODY, 422), (MAX_BODY + 1, 413)):
        body = b"{}".ljust(size)
        sent = requests.post(
            f"{running.base_url}/members",
            data=iter([body[:500_000], body[500_000:]]),
            headers={"X-API-KEY": key, "Content-Type": "application/json"},
            timeout=10,
        )
        assert sent.status_code == status, sent.text


def test_requests_and_answers_pass_unchanged(running: Instance) -> None:
    base = running.base_url
    page = requests.get(f"{base}/login", timeout=5)
    head = requests.head(f"{base}/login", timeout=5)
    assert (head.status_code, head.content) == (200, b"")
    assert page.headers["Content-Type"] == head.headers["Content-Type"] == "text/html; charset=utf-8"
    assert requests.get(f"{base}/%68ealthz", timeout=5).json() == {"status": "alive"}
    assert requests.get(f"{base}/%ff/%00", timeout=5).status_code == 404
    assert requests.get(f"{base}/healthz", headers={"Cookie": b"a=\xff; b=1"}, timeout=5).status_code == 200
    [line] = [
        line
        for line in eventually(lambda: [entry for entry in running.logged() if entry.get("path") == "/login"])
        if line["method"] == "HEAD"
    ]
    assert line["address"] == "127.0.0.1"


def test_a_connection_that_says_nothing_is_closed(silent: socket.socket) -> None:
    assert silent.recv(1) == b""


def test_a_stop_finishes_what_has_arrived(tmp_path: Path) -> None:
    with Instance(tmp_path / "instance") as instance:
        body = json.dumps({"name": "x" * 1000}).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        with begin(instance, head, body[:-1], path="/members") as connection:
            eventually(lambda: requests.get(f"{instance.base_url}/healthz", timeout=5).ok)
            assert instance.process is not None
            instance.process.send_signal(signal.SIGTERM)
            connection.sendall(body[-1:])
            assert connection.recv(12) == b"HTTP/1.1 401"
