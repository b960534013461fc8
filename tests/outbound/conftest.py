import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from msidp.outbound.addresses import AddressPolicy
from msidp.outbound.authorities import Authorities
from msidp.outbound.client import Client
from msidp.outbound.exchange import Reply
from msidp.outbound.urls import OutboundPolicy

Send = Callable[..., Reply]


def loopback_policy() -> OutboundPolicy:
    return OutboundPolicy(AddressPolicy([ip_network("127.0.0.0/8")]), allow_http=True)


@pytest.fixture
def make_client(ca_file: Path) -> Iterator[Callable[..., Client]]:
    clients = []

    def make(policy: OutboundPolicy | None = None) -> Client:
        clients.append(Client(policy or loopback_policy(), Authorities(ca_file)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def exchange(client: Client, url: str, *, timeout: float = 5, body: bytes = b"{}") -> Reply:
    """One request, and its reply."""
    client.post(url, ["Content-Type: application/json"], body, timeout=timeout, tag="the tag")
    while True:
        for tag, reply in client.poll(1):
            assert tag == "the tag"
            return reply


@pytest.fixture
def send(make_client: Callable[..., Client]) -> Send:
    client = make_client()
    return lambda url, **options: exchange(client, url, **options)


@pytest.fixture(scope="session")
def other_ca() -> trustme.CA:
    return trustme.CA()


@contextmanager
def blunt_server(answer: bytes, *, linger: float = 0) -> Iterator[int]:
    """Answers whatever comes first with these bytes, taking in next to nothing. Gives its port."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            time.sleep(linger)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()
