from collections.abc import Callable, Iterator
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
