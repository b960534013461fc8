"""Names that resolve to something bad, to something else a moment later, to nothing, or never."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme
from tests.outbound.conftest import exchange
from tests.support.dns import DnsServer
from tests.support.receiver import Receiver

from msidp.outbound import exchange as exchange_module
from msidp.outbound import resolver
from msidp.outbound.addresses import AddressPolicy
from msidp.outbound.authorities import Authorities
from msidp.outbound.client import Client
from msidp.outbound.urls import OutboundPolicy

GOOD, GOOD_TOO, BAD = "127.0.0.1", "127.0.0.3", "127.0.0.2"
MakeClient = Callable[[DnsServer], Client]


@pytest.fixture
def make(ca_file: Path) -> Iterator[MakeClient]:
    """A client for which two loopback addresses are public and all others are not."""
    policy = OutboundPolicy(
        AddressPolicy([ip_network(f"{address}/32") for address in (GOOD, GOOD_TOO)]), allow_http=True
    )
    clients = []

    def make_client(dns: DnsServer) -> Client:
        clients.append(Client(policy, Authorities(ca_file), dns.lookup))
        return clients[-1]

    yield make_client
    for client in clients:
        client.close()


def send(client: Client, receiver: Receiver, name: str = "a.example", timeout: float = 5):
    return exchange(client, f"http://{name}:{receiver.port}/hook", timeout=timeout)


@pytest.mark.parametrize(
    "answer",
    [
        [GOOD, BAD], [BAD, GOOD], [GOOD, GOOD_TOO, BAD], [GOOD, "::ffff:127.0.0.1"],
        [GOOD, "fe80::1"], [GOOD, "10.0.0.1"], [BAD],
    ],
)  # fmt: skip
def test_one_bad_address_spoils_the_answer(receiver: Receiver, make: MakeClient, answer: list[str]) -> None:
    with DnsServer(a=answer) as dns:
        reply = send(make(dns), receiver)
    assert (reply.status, reply.error) == (None, "blocked_address")
    assert receiver.connections == 0


def test_every_good_address_is_tried(receiver: Receiver, make: MakeClient) -> None:
    """Nobody listens on the first one."""
    with DnsServer(a=[GOOD_TOO, GOOD]) as dns:
        assert send(make(dns), receiver).status == 200


def test_rebinding_between_one_request_and_the_next(
    receiver: Receiver, make: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "FRESH", 0)
    with DnsServer(a=[GOOD]) as dns:
        client = make(dns)
        assert send(client, receiver).status == 200
        dns.zone["a.example"] = [BAD]
        assert send(client, receiver).error == "blocked_address"
        dns.zone["a.example"] = [GOOD]
        assert send(client, receiver).status == 200
        assert dns.queries == ["a.example"] * 3


def test_a_name_is_looked_up_once_for_a_request(receiver: Receiver, make: MakeClient) -> None:
    """Another answer to a second question, which is how rebinding works, is never heard."""
    with DnsServer(a=[GOOD]) as dns:
        lookup = dns.lookup

        def rebinding(host: str) -> list[str]:
            found = lookup(host)
            dns.zone["a.example"] = [BAD]
            return found

        dns.lookup = rebinding
        assert send(make(dns), receiver).status == 200
        assert dns.queries == ["a.example"]


def test_a_kept_connection_is_not_used_once_the_name_leads_elsewhere(
    receiver: Receiver, make: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "FRESH", 0)
    with DnsServer(a=[GOOD]) as dns, closing(socket.create_server((GOOD_TOO, receiver.port))) as moved:
        client = make(dns)
        for _ in range(2):
            assert send(client, receiver).status == 200
        assert receiver.connections == 1
        dns.zone["a.example"] = [GOOD_TOO]
        assert send(client, receiver, timeout=0.5).error == "timeout"  # accepted there, and never answered
        moved.settimeout(1)
        moved.accept()[0].close()
        assert len(receiver.requests) == 2


def test_a_connection_does_not_grow_old(
    receiver: Receiver, make: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_module, "MAX_AGE", 1)
    with DnsServer(a=[GOOD]) as dns:
        client = make(dns)
        begun = time.monotonic()
        while receiver.connections < 2:
            assert send(client, receiver).status == 200
            assert time.monotonic() - begun < 10
            time.sleep(0.1)
    assert time.monotonic() - begun > 0.9


def test_the_certificate_and_the_host_header_are_the_names(ca: trustme.CA, make: MakeClient) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("a.example").configure_cert(context)
    indicated: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: indicated.append(name)
    with Receiver(context) as named, DnsServer(a=[GOOD], b=[GOOD]) as dns:
        client = make(dns)
        assert exchange(client, f"https://a.example:{named.port}/").status == 200
        assert named.requests[0].headers["host"] == f"a.example:{named.port}"
        assert exchange(client, f"https://b.example:{named.port}/").error == "tls_error"
    assert indicated == ["a.example", "b.example"]


def test_a_resolver_that_never_answers_is_a_timeout_and_holds_up_nobody(
    receiver: Receiver, make: MakeClient
) -> None:
    with DnsServer(a=[GOOD], lost=None) as dns:
        client = make(dns)
        begun = time.monotonic()
        for number in range(50):
            client.post(f"http://lost.example:{receiver.port}/", [], b"", timeout=0.5, tag=number)
        client.post(f"http://a.example:{receiver.port}/", [], b"", timeout=0.5, tag="fine")
        replies = {}
        while client.in_flight:
            for tag, reply in client.poll(1):
                replies[tag] = reply
                assert tag != "fine" or time.monotonic() - begun < 0.4
        assert time.monotonic() - begun < 1.5
        assert replies.pop("fine").status == 200
        assert {reply.error for reply in replies.values()} == {"timeout"}
        assert all(reply.latency_ms >= 500 for reply in replies.values())
        assert dns.queries.count("lost.example") == 1


def test_the_lookup_counts_towards_the_deadline_and_is_on_record(
    receiver: Receiver, make: MakeClient
) -> None:
    with DnsServer(a=[GOOD]) as dns:
        lookup = dns.lookup

        def slow(host: str) -> list[str]:
            time.sleep(0.2)
            return lookup(host)

        dns.lookup = slow
        client = make(dns)
        first, second = send(client, receiver), send(client, receiver)
    assert 200 <= (first.timings.dns or 0) <= first.latency_ms
    assert (first.timings.first_byte or 0) >= 200
    assert (second.timings.dns, second.timings.connect) == (None, None)


def test_a_name_that_does_not_exist(receiver: Receiver, make: MakeClient) -> None:
    with DnsServer() as dns:
        reply = send(make(dns), receiver, "nobody.example")
    assert (reply.status, reply.error) == (None, "dns_error")


def test_a_lookup_that_ends_after_the_client_is_closed(make: MakeClient) -> None:
    with DnsServer(lost=None) as dns:
        ended: list[bool] = []

        def lookup(host: str) -> list[str]:
            time.sleep(0.2)
            ended.append(True)
            return []

        dns.lookup = lookup
        client = make(dns)
        client.post("http://lost.example:8000/", [], b"", timeout=5, tag=1)
        client.close()
        deadline = time.monotonic() + 5
        while not ended:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_the_systems_resolver_knows_localhost() -> None:
    assert GOOD in resolver.system_lookup("localhost")
    with pytest.raises((OSError, UnicodeError)):
        resolver.system_lookup("a" * 64 + ".example")
