"""Abuse, row by row: receivers that misbehave, all at once and end to end, and what becomes of each delivery.

Every row runs in one drain, so that it also shows that none of them holds up another.
"""

import resource
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme
from flask import Flask
from tests.outbound.test_addresses import DENIED
from tests.support.dns import DnsServer
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.receiver import Receiver
from tests.support.valkey import ValkeyServer
from tests.webhooks.abuse import all_of_them
from tests.webhooks.support import add_endpoint, attempts, deliveries, endpoint, happen

from msidp import db
from msidp.app import create_app
from msidp.communities import service as communities
from msidp.outbound import resolver
from msidp.outbound.client import Client
from msidp.settings import Settings
from msidp.webhooks import drain as drain_module
from msidp.webhooks import outbox
from msidp.webhooks.models import Attempt, Delivery, WebhookEndpoint

pytestmark = pytest.mark.database("sqlite")

TIMEOUT = 1.5  # seconds
LATE = 0.75  # seconds that a busy machine may be late with a deadline
SCHEDULE = (0, 60)
GOOD, BAD = "127.0.0.1", "192.168.0.1"
LITERALS = {
    **{f"address in {network}": str(ip_network(network)[2]) for network in DENIED},
    "IPv4-mapped address": "::ffff:10.0.0.1",
    "IPv4-compatible address": "::10.0.0.1",
    "NAT64 of a private address": "64:ff9b::a00:1",
    "zone id": "fe80::1%25eth0",
}
NUMBERS = ("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "①②⑦.⓪.⓪.①")
FORMS = {
    "userinfo": "https://a:b@example.com/", "fragment": "https://example.com/#a",
    "backslash": "https://example.com\\@a.example/", "white space": "https://example.com/a b",
    "CR": "https://example.com/\ra", "LF": "https://example.com/\na",
    "odd port": "https://example.com:22/", "over 2 kB": "https://example.com/" + "a" * 2048,
    "ftp": "ftp://example.com/", "no scheme": "//example.com/", "file": "file:///etc/passwd",
}  # fmt: skip
CUSTOM_HEADERS = {
    "CR/LF in a value": {"X-A": "a\r\nX-B: b"}, "LF in a value": {"X-A": "a\nb"},
    "CR in a name": {"X\r": "a"}, "colon in a name": {"X:": "a"}, "Host": {"Host": "a"},
    "Content-Length": {"content-length": "0"},
    "Transfer-Encoding": {"Transfer-Encoding": "chunked"}, "webhook-signature": {"Webhook-Signature": "v1,a"},
    "svix-id": {"svix-id": "a"}, "Proxy-Authorization": {"Proxy-Authorization": "a"},
}  # fmt: skip
ANSWERED: dict[str, tuple[int | None, str | None]] = {
    **{f"redirect {status}": (status, "redirect") for status in (301, 302, 303, 307, 308)},
    "no answer": (None, "timeout"),
    "connect hangs": (None, "timeout"),
    "TLS stalls": (None, "timeout"),
    "DNS never answers": (None, "timeout"),
    "headers byte by byte": (None, "timeout"),
    "body byte by byte": (200, None),
    "endless body": (200, None),
    "body longer than it says": (200, None),
    "body shorter than it says": (200, None),
    "endless chunks": (200, None),
    "endless trailers": (200, None),
    "gzip bomb": (200, None),
    "br bomb": (200, None),
    "zstd bomb": (200, None),
    "one huge header": (None, "bad_response"),
    "endless headers": (None, "bad_response"),
    "flood of 1xx": (None, "bad_response"),
    "101": (101, "http_error"),
    "HTTP/0.9": (None, "bad_response"),
    "garbage": (None, "bad_response"),
    "closes at once": (None, "bad_response"),
    "expired certificate": (None, "tls_error"),
    "self-signed certificate": (None, "tls_error"),
    "certificate of another host": (None, "tls_error"),
    "TLS 1.1": (None, "tls_error"),
    "204": (204, None),
    "304": (304, "redirect"),
    "410": (410, "http_error"),
    "Set-Cookie": (200, None),
    "neither UTF-8 nor tame": (200, None),
    "name with a public and a private address": (None, "blocked_address"),
    "name with a private and a public address": (None, "blocked_address"),
    "name with a private address": (None, "blocked_address"),
    "name rebound after it was saved": (None, "blocked_address"),
    "name that does not exist": (None, "dns_error"),
    "its own address and port": (None, "blocked_address"),
}
RETRY_AFTER = [
    f"{status} with Retry-After: {value}"
    for status in (429, 503)
    for value in ("-1", "NaN", "315360000", "Sun, 01 Jan 2040 00:00:00 GMT", "9" * 400)
]


@dataclass
class Aftermath:
    """What there is to see once all of it is over."""

    took: float
    grown: int  # kB of memory
    deliveries: dict[str, Delivery]
    attempts: dict[str, Attempt]
    endpoints: dict[str, WebhookEndpoint]
    plain: Receiver
    proxied: int


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def settings(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    valkey: ValkeyServer,
    ca_file: Path,
) -> Iterator[Settings]:
    directory = tmp_path_factory.mktemp("abuse")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), directory / "msidp.db")
        url = f"sqlite:///{directory / 'msidp.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        server.create_database("abuse", request.getfixturevalue("postgres_template"))
        url = server.url("abuse")
    yield Settings(
        instance_dir=directory, base_url=f"http://127.0.0.1:{free_port()}", database_url=url,
        redis_url=valkey.url, secret_key="a-secret-key-for-tests", outbound_allow_http=True,
        outbound_allow_networks="127.0.0.1/32", outbound_ca_file=ca_file, webhook_timeout=TIMEOUT,
        webhook_retry_schedule=SCHEDULE,
    ).completed()  # fmt: skip
    if request.param == "postgresql":
        server.drop_database("abuse")


@pytest.fixture(scope="module")
def site(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    with app.app_context():
        yield app
        db.dispose()


@pytest.fixture(scope="module")
def secret_key(site: Flask) -> str:
    with db.transaction() as session:
        community_id = communities.ensure_default(session).id
        return communities.create_api_key(session, community_id, "tests").secret_key


@pytest.fixture(scope="module")
def aftermath(site: Flask, settings: Settings, ca: trustme.CA) -> Iterator[Aftermath]:
    with (
        all_of_them(ca) as (urls, plain),
        Receiver() as proxy,
        DnsServer(
            mixed=[GOOD, BAD], mixed_too=[BAD, GOOD], private=[BAD], rebound=[GOOD], silent=None
        ) as dns,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.setenv(name, proxy.base)
        patch.setattr(resolver, "FRESH", 0)
        lookup = lambda host: [GOOD] if host == "localhost" else dns.lookup(host)  # noqa: E731
        patch.setattr(drain_module, "Client", partial(Client, lookup=lookup))
        urls |= {
            "name with a public and a private address": f"http://mixed.example:{plain.port}/",
            "name with a private and a public address": f"http://mixed_too.example:{plain.port}/",
            "name with a private address": f"http://private.example:{plain.port}/",
            "name rebound after it was saved": f"http://rebound.example:{plain.port}/",
            "name that does not exist": f"http://nobody.example:{plain.port}/",
            "DNS never answers": f"http://silent.example:{plain.port}/",
            "its own address and port": f"{settings.base_url}/",
            **{name: f"https://{f'[{host}]' if ':' in host else host}/" for name, host in LITERALS.items()},
            **{f"host {host}": f"https://{host}/" for host in NUMBERS},
        }
        yield _let_it_happen(urls, plain, proxy, dns)


def _let_it_happen(urls: dict[str, str], plain: Receiver, proxy: Receiver, dns: DnsServer) -> Aftermath:
    with db.transaction() as session:
        community_id = communities.ensure_default(session).id
    early = add_endpoint(community_id, urls.pop("early 200"), events=["comment.created"])
    names = {
        add_endpoint(community_id, url, name=name, events=["post.published"]): name
        for name, url in urls.items()
    } | {early: "early 200"}
    happen(community_id)
    with db.transaction() as session:
        data = {"text": "x" * 8_000_000}  # more than a socket's buffers hold
        outbox.record(session, community_id=community_id, type="comment.created", data=data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    dns.zone["rebound.example"] = [BAD]
    drain_module.drain()
    took = time.monotonic() - began
    return Aftermath(
        took=took,
        grown=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
        deliveries={names[row.endpoint_id]: row for row in deliveries()},
        attempts={names[row.endpoint_id]: attempts(row.id)[0] for row in deliveries()},
        endpoints={name: endpoint(id_) for id_, name in names.items()},
        plain=plain,
        proxied=len(proxy.requests),
    )


def outcome(aftermath: Aftermath, name: str) -> tuple[int | None, str | None]:
    attempt = aftermath.attempts[name]
    assert attempt.latency_ms <= (TIMEOUT + LATE) * 1000
    error = attempt.error
    assert aftermath.deliveries[name].status == (
        "succeeded" if error is None else "exhausted" if attempt.status == 410 else "failed"
    )
    return attempt.status, error


@pytest.mark.parametrize("name", ANSWERED)
def test_the_answer_to(aftermath: Aftermath, name: str) -> None:
    assert outcome(aftermath, name) == ANSWERED[name]
    assert len(aftermath.attempts[name].response_excerpt or "") <= 16_384


@pytest.mark.parametrize("name", LITERALS)
def test_blocked(aftermath: Aftermath, name: str) -> None:
    assert outcome(aftermath, name) == (None, "blocked_address")


@pytest.mark.parametrize("host", NUMBERS)
def test_blocked_when_connecting_to_host(aftermath: Aftermath, host: str) -> None:
    assert outcome(aftermath, f"host {host}") == (None, "blocked_address")


@pytest.mark.parametrize("name", RETRY_AFTER)
def test_clamped(aftermath: Aftermath, name: str) -> None:
    status, error = outcome(aftermath, name)
    assert (status, error) == (int(name[:3]), "http_error")
    due_in = (aftermath.deliveries[name].due_at or 0) - aftermath.attempts[name].at
    assert SCHEDULE[1] * 1000 <= due_in <= SCHEDULE[1] * 1100 + (TIMEOUT + LATE) * 1000


def test_410_disables(aftermath: Aftermath) -> None:
    assert not aftermath.endpoints["410"].enabled
    assert all(row.enabled for name, row in aftermath.endpoints.items() if name != "410")


def test_an_early_200_is_a_failure(aftermath: Aftermath) -> None:
    assert outcome(aftermath, "early 200")[1] in ("bad_response", "connect_error")


def test_a_response_is_stored_safely(aftermath: Aftermath) -> None:
    attempt = aftermath.attempts["neither UTF-8 nor tame"]
    assert attempt.response_excerpt == "\ufffd\ufffd\ufffd<script>alert(1)</script>"


def test_nothing_was_followed_and_no_proxy_asked(aftermath: Aftermath) -> None:
    assert aftermath.plain.received("/stolen") == []
    assert aftermath.proxied == 0


def test_nothing_asks_for_a_coding(aftermath: Aftermath) -> None:
    assert aftermath.plain.requests
    assert not any("accept-encoding" in request.headers for request in aftermath.plain.requests)


def test_all_of_it_together_is_over_in_time(aftermath: Aftermath) -> None:
    """Ninety deliveries, a dozen of which hang: they share half of the slots, and the deadline."""
    assert len(aftermath.attempts) >= 90
    assert aftermath.took < 4 * (TIMEOUT + LATE)


def test_memory_stays_flat(aftermath: Aftermath) -> None:
    """Three bombs of 50 MB, four endless streams, and the 8 MB that are sent, held a few times over."""
    assert aftermath.grown < 200_000


def refused(site: Flask, secret_key: str, webhook: dict[str, object]) -> None:
    body = {"name": "w", "url": "https://example.com/", "dialect": "standard", "events": []} | webhook
    answer = site.test_client().post("/webhooks", json=body, headers={"X-API-KEY": secret_key})
    assert answer.status_code == 422, answer.text
    (detail,) = answer.json["details"]
    assert detail["field"].partition(".")[0] in webhook
    assert detail["message"]


@pytest.mark.parametrize("url", FORMS.values(), ids=FORMS)
def test_refused_when_saved(site: Flask, secret_key: str, url: str) -> None:
    refused(site, secret_key, {"url": url})


def test_nul_refused_when_saved(site: Flask, secret_key: str) -> None:
    """No database holds it: 400, whatever the field."""
    body = {"name": "w", "url": "https://example.com/\0", "dialect": "standard", "events": []}
    answer = site.test_client().post("/webhooks", json=body, headers={"X-API-KEY": secret_key})
    assert answer.status_code == 400


@pytest.mark.parametrize("host", [*LITERALS.values(), *NUMBERS], ids=[*LITERALS, *NUMBERS])
def test_host_refused_when_saved(site: Flask, secret_key: str, host: str) -> None:
    refused(site, secret_key, {"url": f"https://{f'[{host}]' if ':' in host else host}/"})


@pytest.mark.parametrize("headers", CUSTOM_HEADERS.values(), ids=CUSTOM_HEADERS)
def test_custom_header_refused(site: Flask, secret_key: str, headers: dict[str, str]) -> None:
    refused(site, secret_key, {"headers": headers})
