"""The client against receivers that misbehave: the expected class, in time, with little read."""

import gzip
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.outbound.conftest import Send, blunt_server, exchange, loopback_policy
from tests.support.ports import free_port
from tests.support.receiver import Answer, Receiver

from msidp.cli.worker import FILES
from msidp.outbound.addresses import AddressPolicy
from msidp.outbound.client import MAX_CONNECTIONS, Client
from msidp.outbound.exchange import MAX_BODY
from msidp.outbound.resolver import LOOKUPS
from msidp.outbound.urls import OutboundPolicy
from msidp.webhooks.lanes import MOST


def act(receiver: Receiver, action: Callable[[socket.socket], None]) -> str:
    receiver.script("/act", Answer(act=action))
    return receiver.url("/act")


def raw(receiver: Receiver, *pieces: bytes) -> str:
    """A path that answers with these bytes and closes."""
    return act(receiver, lambda connection: connection.sendall(b"".join(pieces)))


def dribble(receiver: Receiver, head: bytes, piece: bytes, pause: float = 0) -> str:
    """A path that answers with `head`, and then with the same piece for ever."""

    def go(connection: socket.socket) -> None:
        connection.sendall(head)
        while not receiver.closing.wait(pause):
            connection.sendall(piece)

    return act(receiver, go)


def test_a_request_arrives_as_it_was_given(tls_receiver: Receiver, send: Send) -> None:
    reply = send(tls_receiver.url(), body=b'{"a":1}')
    assert (reply.status, reply.error, reply.excerpt) == (200, None, b"ok")
    assert reply.head[0].startswith(b"HTTP/1.1 200")
    (request,) = tls_receiver.requests
    assert request.method == "POST"
    assert request.body == b'{"a":1}'
    assert request.headers["content-type"] == "application/json"
    assert "accept-encoding" not in request.headers
    assert "cookie" not in request.headers


def test_the_connection_is_used_again(tls_receiver: Receiver, send: Send) -> None:
    for _ in range(5):
        assert send(tls_receiver.url()).status == 200
    assert tls_receiver.connections == 1


def test_those_that_hang_cost_the_others_no_connection(
    tls_receiver: Receiver, make_client: Callable[..., Client]
) -> None:
    client = make_client()
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        for _ in range(MOST):
            client.post(url, [], b"{}", timeout=60, tag="hangs")
        for _ in range(3):
            assert exchange(client, tls_receiver.url()).status == 200
        assert client.in_flight == MOST
    assert tls_receiver.connections == 1


def test_a_worker_has_files_for_all_that_it_may_have_open() -> None:
    """libcurl counts connections when a request ends: till then new ones come on top of all that it kept."""
    assert MAX_CONNECTIONS + MOST + LOOKUPS + 512 <= FILES


def test_a_connection_the_receiver_closed_is_made_anew(tls_receiver: Receiver, send: Send) -> None:
    raw_once = raw(tls_receiver, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert send(raw_once).status == 200
    assert send(tls_receiver.url()).status == 200


def test_a_connection_that_is_closed_as_the_request_goes_out(make_client: Callable[..., Client]) -> None:
    """Receivers close kept connections when they like, a moment after the answer too."""

    def answer_and_close(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        time.sleep(0.0008)

    with Receiver(host="127.0.0.1") as receiver:
        client, ended, begun = make_client(loopback_policy()), [], 0
        url = act(receiver, answer_and_close)
        while len(ended) < 2_500:
            while client.in_flight < 40 and begun < 2_500:
                client.post(url, [], b"x" * 300, timeout=5, tag=begun)
                begun += 1
            ended += client.poll(1)
    assert {reply.error for _, reply in ended} == {None}


def test_many_go_at_once(tls_receiver: Receiver, make_client: Callable[..., Client]) -> None:
    tls_receiver.script("/hook", Answer(delay=0.3))
    client = make_client()
    begun = time.monotonic()
    for number in range(30):
        client.post(tls_receiver.url(), [], b"", timeout=5, tag=number)
    assert client.in_flight == 30
    seen = []
    while client.in_flight:
        seen += [tag for tag, reply in client.poll(1) if reply.status == 200]
    assert sorted(seen) == list(range(30))
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, send: Send, status: int) -> None:
    receiver.script("/hook", Answer(status, {"Location": receiver.url("/elsewhere")}))
    reply = send(receiver.url())
    assert (reply.status, reply.error) == (status, "redirect")
    assert receiver.received("/elsewhere") == []


@pytest.mark.parametrize(
    ("status", "error"), [(200, None), (204, None), (299, None), (304, "redirect"), (410, "http_error")]
)
def test_the_status_decides(receiver: Receiver, send: Send, status: int, error: str | None) -> None:
    receiver.script("/hook", Answer(status, body=b""))
    reply = send(receiver.url())
    assert (reply.status, reply.error) == (status, error)


def test_no_answer_is_a_timeout(receiver: Receiver, send: Send) -> None:
    receiver.script("/hook", Answer(delay=30))
    begun = time.monotonic()
    reply = send(receiver.url(), timeout=0.3)
    assert (reply.status, reply.error) == (None, "timeout")
    assert 0.25 < time.monotonic() - begun < 1.5


def test_answers_that_arrived_in_time_count_however_late_the_look(
    tls_receiver: Receiver, make_client: Callable[..., Client]
) -> None:
    """The database stalls, say: nobody looks at the network for longer than the deadline."""
    tls_receiver.script("/hook", Answer(delay=0.1))
    tls_receiver.script("/late", Answer(delay=60))
    client, replies = make_client(), {}
    for number in range(20):
        client.post(tls_receiver.url(), [], b"{}", timeout=0.6, tag=number)
    client.post(tls_receiver.url("/late"), [], b"{}", timeout=0.6, tag="late")
    while len(tls_receiver.requests) < 21:
        replies |= dict(client.poll(0.01))
    at_once = len(replies)
    time.sleep(0.7)
    while client.in_flight:
        replies |= dict(client.poll(1))
    assert at_once < 20
    assert {replies.pop("late").error, *(reply.error for reply in replies.values())} == {"timeout", None}
    assert {reply.status for reply in replies.values()} == {200}


def test_answers_that_arrived_in_time_count_for_a_process_that_was_stopped(
    receiver: Receiver, ca_file: Path
) -> None:
    receiver.script("/hook", Answer(delay=0.2))
    receiver.script("/late", Answer(delay=60))
    code = (
        "import sys; from pathlib import Path\n"
        "from msidp.outbound.authorities import Authorities; from msidp.outbound.client import Client\n"
        "from tests.outbound.conftest import exchange, loopback_policy\n"
        "client = Client(loopback_policy(), Authorities(Path(sys.argv[1])))\n"
        "print([exchange(client, url, timeout=0.8).error for url in sys.argv[2:]])"
    )
    urls = (receiver.url(), receiver.url("/late"))
    command = [sys.executable, "-c", code, str(ca_file), *urls]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for count in (1, 2):
            receiver.wait_for(count, timeout=30)
            process.send_signal(signal.SIGSTOP)
            time.sleep(1)
            process.send_signal(signal.SIGCONT)
        answers, _ = process.communicate(timeout=10)
    assert answers == "[None, 'timeout']\n"


def test_a_look_that_comes_late_finds_sockets_that_were_closed(
    receiver: Receiver, make_client: Callable[..., Client]
) -> None:
    """Kept connections whose peers hang up are forgotten, and their numbers are other sockets' later."""
    client = make_client()
    url = raw(receiver, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    for _ in range(3):
        for number in range(10):
            client.post(url, [], b"{}", timeout=5, tag=number)
        while client.in_flight:
            assert all(reply.error is None for _, reply in client.poll(1))
        looks, ends = 0, time.monotonic() + 0.2
        while (left := ends - time.monotonic()) > 0:
            assert client.poll(left) == []
            looks += 1
        assert looks <= 11  # each of them wakes it once at most


def test_headers_byte_by_byte_do_not_stretch_the_deadline(receiver: Receiver, send: Send) -> None:
    url = dribble(receiver, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", 0.02)
    begun = time.monotonic()
    assert send(url, timeout=0.4).error == "timeout"
    assert time.monotonic() - begun < 1.5


def test_a_body_byte_by_byte_does_not_either_and_the_status_decides(receiver: Receiver, send: Send) -> None:
    url = dribble(receiver, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a", 0.02)
    begun = time.monotonic()
    reply = send(url, timeout=0.4)
    assert (reply.status, reply.error) == (200, None)
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("framing", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 99999999\r\n"])
def test_an_endless_body_is_cut_off(receiver: Receiver, send: Send, framing: bytes) -> None:
    piece = b"1000\r\n" + b"x" * 4096 + b"\r\n" if b"chunked" in framing else b"x" * 4096
    url = dribble(receiver, b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n", piece)
    begun = time.monotonic()
    reply = send(url)
    assert (reply.status, reply.error, len(reply.excerpt)) == (200, None, MAX_BODY)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-T: 1\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nnotgz",
    ],
)
def test_a_broken_body_changes_nothing_about_the_status(
    receiver: Receiver, send: Send, answer: bytes
) -> None:
    reply = send(raw(receiver, answer))
    assert (reply.status, reply.error) == (200, None)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\1\2garbage",
        b"hello\r\n",  # HTTP/0.9
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nX-Cut-Off: yes\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 000 \r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_no_response_is_bad(receiver: Receiver, send: Send, answer: bytes) -> None:
    reply = send(raw(receiver, answer))
    assert reply.error in ("bad_response", "connect_error")
    assert reply.status is None


@pytest.mark.parametrize("kind", ["receiver", "tls_receiver"])
def test_a_body_where_none_may_be_is_not_taken_for_the_next_response(
    kind: str, send: Send, request: pytest.FixtureRequest
) -> None:
    """What a 204 carries all the same comes late here: when the next request is under way."""

    def go(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n")
        if connection.recv(65536):
            connection.sendall(b"okHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    receiver: Receiver = request.getfixturevalue(kind)
    receiver.script("/act", Answer(act=go), Answer(status=200))
    assert [send(receiver.url("/act")).status for _ in range(3)] == [204, 200, 200]
    assert receiver.connections == 2  # the second one is used again


def test_a_few_interim_responses_are_passed_over(receiver: Receiver, send: Send) -> None:
    url = raw(
        receiver,
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3,
        b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\nX-A: b\r\n\r\n",
    )
    reply = send(url)
    assert (reply.status, reply.error) == (201, None)
    assert b"X-A: b\r\n" in reply.head
    assert not any(line.startswith(b"Link") for line in reply.head)


def test_switching_protocols_is_a_failure(receiver: Receiver, send: Send) -> None:
    reply = send(raw(receiver, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))
    assert reply.error is not None


def test_an_answer_before_the_whole_request_was_taken_is_bad(send: Send) -> None:
    early = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with blunt_server(early, linger=0.3) as port:
        reply = send(f"http://127.0.0.1:{port}/", body=b"x" * 20_000_000)
    assert reply.error in ("bad_response", "connect_error")


def test_nothing_is_decompressed(receiver: Receiver, send: Send) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    receiver.script("/hook", Answer(headers={"Content-Encoding": "gzip"}, body=bomb))
    reply = send(receiver.url())
    assert (reply.status, reply.error) == (200, None)
    assert reply.excerpt == bomb[:MAX_BODY]


def test_cookies_are_not_kept(receiver: Receiver, send: Send) -> None:
    receiver.script("/hook", Answer(headers={"Set-Cookie": "a=b; Path=/"}))
    send(receiver.url())
    send(receiver.url())
    assert all("cookie" not in request.headers for request in receiver.requests)


def test_a_proxy_in_the_environment_is_ignored(
    receiver: Receiver, make_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base)
        assert exchange(make_client(), receiver.url()).status == 200
        assert proxy.requests == []


def test_nobody_listening_is_a_connect_error(send: Send) -> None:
    reply = send(f"http://127.0.0.1:{free_port()}/")
    assert (reply.error, reply.timings.first_byte) == ("connect_error", None)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "127.1", "0"]
)
def test_a_blocked_address_is_never_dialled(
    receiver: Receiver, make_client: Callable[..., Client], host: str
) -> None:
    client = make_client(OutboundPolicy(AddressPolicy(), allow_http=True))
    reply = exchange(client, f"http://{host}:{receiver.port}/")
    assert (reply.status, reply.error) == (None, "blocked_address")
    assert receiver.connections == 0


def test_http_is_refused_where_only_https_is_allowed(
    receiver: Receiver, make_client: Callable[..., Client]
) -> None:
    client = make_client(OutboundPolicy(loopback_policy().addresses))
    assert exchange(client, receiver.url()).status is None
    assert receiver.connections == 0
