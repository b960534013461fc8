"""Client ID metadata documents: URLs as client ids, what is believed of what they say, and for how long."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select, update
from structlog.testing import LogCapture
from tests.oidc.conftest import Relying, log_in
from tests.support.receiver import Answer, Receiver

from msidp import clock, db
from msidp.members.models import Member
from msidp.oidc import documents
from msidp.oidc.clients import clients
from msidp.oidc.documents import LONGEST, RETRY, SHORTEST, STALE, UNUSED, USUAL, lifetime
from msidp.oidc.models import Application
from msidp.ops import housekeeping
from msidp.outbound.urls import OutboundPolicy
from msidp.settings import Settings

CALLBACK = "http://localhost:3334/callback"


@pytest.fixture
def settings(settings: Settings, ca_file: Path) -> Settings:
    return settings.model_copy(update={"outbound_ca_file": ca_file, "client_id_metadata_documents": True})


class Site:
    """A site that publishes a client's metadata."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.url = receiver.url("/oauth/client.json")

    def publish(self, *, headers: dict[str, str] | None = None, status: int = 200, **changes: Any) -> None:
        whole = {"client_id": self.url, "client_name": "Agent", "redirect_uris": [CALLBACK]} | changes
        body = json.dumps({name: value for name, value in whole.items() if value is not ...})
        self.answer(body.encode(), headers=headers, status=status)

    def answer(self, body: bytes, *, headers: dict[str, str] | None = None, status: int = 200) -> None:
        shown = {"Content-Type": "application/json"} | (headers or {})
        self.receiver.script(urlsplit(self.url).path, Answer(status, shown, body))

    @property
    def asked(self) -> int:
        return len(self.receiver.requests)


@pytest.fixture
def site(tls_receiver: Receiver) -> Site:
    made = Site(tls_receiver)
    made.publish()
    return made


@pytest.fixture
def agent(browser: FlaskClient, member: Member, site: Site) -> Relying:
    """The client at that site; the member is logged in."""
    log_in(browser, member)
    return Relying(browser, "", site.url, None, CALLBACK)


def rows() -> list[Application]:
    with db.reading() as session:
        return list(session.scalars(select(Application)))


def is_known(agent: Relying, url: str | None = None) -> bool:
    clients().forget()
    answer = agent.authorize(**({"client_id": url} if url else {}))
    assert answer.status_code in (200, 302, 400)
    return answer.status_code != 400


def test_a_client_that_nobody_registered_signs_a_member_in(agent: Relying, site: Site) -> None:
    page = agent.authorize(scope="openid email")
    assert page.status_code == 200
    assert "Allow Agent (localhost)?" in page.text
    assert "known by its address alone: <strong>localhost</strong>" in page.text
    fields = {
        name: page.text.split(f'name="{name}"')[1].split('value="')[1].split('"')[0]
        for name in ("csrf_token", "request")
    }
    answer = agent.browser.post("/authorize/consent", data={**fields, "decision": "allow"})
    code = answer.headers["Location"].split("code=")[1].split("&")[0]
    tokens = agent.exchange(code)
    assert tokens.status_code == 200, tokens.json
    assert agent.userinfo(tokens.json["access_token"]).json["email"] == "ada@example.com"
    assert site.asked == 1  # read once for all of it
    [row] = rows()
    assert (row.client_id, row.type, row.require_pkce, row.skip_consent) == (site.url, "native", True, False)


@pytest.mark.database("sqlite")
def test_pkce_is_required(agent: Relying) -> None:
    answer = agent.authorize(code_challenge=None, code_challenge_method=None)
    assert "error=invalid_request" in answer.headers["Location"]


@pytest.mark.database("sqlite")
def test_only_what_the_document_names_is_redirected_to(agent: Relying) -> None:
    answer = agent.authorize(redirect_uri="https://evil.example/cb")
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.database("sqlite")
def test_off_by_default(agent: Relying, site: Site) -> None:
    clients().by_url = type(clients())().by_url
    assert not is_known(agent)
    assert site.asked == 0
    assert Settings(secret_key="for tests").client_id_metadata_documents is False


@pytest.mark.database("sqlite")
def test_discovery_names_it_where_it_is_on(agent: Relying) -> None:
    metadata = agent.backend.get("/.well-known/openid-configuration").json
    assert metadata["client_id_metadata_document_supported"] is True


@pytest.mark.database("sqlite")
def test_documents_that_are_of_no_use(agent: Relying, site: Site) -> None:
    """Each is tried as a client of its own, for a failure is remembered for a moment."""
    large = "x" * 6_000
    cases: dict[str, dict[str, Any]] = {
        "another client_id": {"client_id": "https://other.example/client.json"},
        "no client_id": {"client_id": ...},
        "a number": {"client_id": 7},
        "a secret": {"client_secret": "x"},
        "an expiring secret": {"client_secret_expires_at": 0},
        "a method with a secret": {"token_endpoint_auth_method": "client_secret_basic"},
        "a shared secret": {"token_endpoint_auth_method": "client_secret_jwt"},
        "no keys": {"token_endpoint_auth_method": "private_key_jwt"},
        "no redirect": {"redirect_uris": ...},
        "an open redirect": {"redirect_uris": ["http://evil.example/"]},
        "a machine": {"grant_types": ["client_credentials"], "redirect_uris": []},
        "a statement": {"software_statement": "e.y.J"},
        "too large": {"client_name": large},
        "html": {"headers": {"Content-Type": "text/html"}},
        "no type": {"headers": {"Content-Type": ""}},
        "not found": {"status": 404},
        "moved": {"status": 302, "headers": {"Location": "https://localhost/"}},
        "not modified": {"status": 304},
        "created": {"status": 201},
    }
    base = site.url
    for number, (name, answer) in enumerate(cases.items()):
        site.url = base.replace("client.json", f"client-{number}.json")
        site.publish(**answer)
        assert not is_known(agent, site.url), name
        assert site.asked == number + 1, name
    for number, body in enumerate((b"", b"[]", b"{", b"\xff", b'"x"', b"null", b"[" * 4_000)):
        site.url = base.replace("client.json", f"body-{number}.json")
        site.answer(body)
        assert not is_known(agent, site.url), body
    assert rows() == []


@pytest.mark.database("sqlite")
def test_urls_that_are_no_client_ids(agent: Relying, site: Site) -> None:
    base = site.url.removesuffix("/oauth/client.json")
    for url in (
        base,
        f"{base}/",
        f"{base}/a/../client.json",
        f"{base}/a/./client.json",
        f"{base}/a/%2e%2E/client.json",
        f"{base}/client.json#x",
        f"{base}/client.json?x=1",
        f"{base}/client.json?",
        base.replace("https://", "https://u:p@") + "/client.json",
        base.replace("https://", "http://") + "/client.json",
        base.replace("localhost", "LOCALHOST") + "/client.json",
        base.upper() + "/client.json",
        f"{base}/" + "x" * 600,
        f"{base}/client.json\0",
        f"{base}/cli ent.json",
        "https://10.0.0.1/client.json",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/client.json",
        "https://localhost:22/client.json",
        "https://[::ffff:10.0.0.1]/client.json",
        "https:///client.json",
        "https://",
    ):
        assert not is_known(agent, url), url
    assert site.asked == 0
    assert rows() == []


@pytest.mark.database("sqlite")
def test_the_log_says_that_a_url_is_no_client_id(agent: Relying, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogCapture()
    monkeypatch.setattr(documents, "log", structlog.wrap_logger(None, processors=[log]))
    assert not is_known(agent, "https://agent.example:22/client.json")
    assert not is_known(agent, "client_unknown")
    assert [entry["client_id"] for entry in log.entries] == ["https://agent.example:22/client.json"]
    assert log.entries[0]["reason"] == "no URL like this may be a client_id"


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("exempt", ["", "10.0.0.0/8"])
def test_an_address_that_is_not_exempt_is_not_asked(agent: Relying, site: Site, exempt: str) -> None:
    elsewhere = Settings(secret_key="for tests", outbound_allow_networks=exempt)
    clients().by_url = documents.Documents(OutboundPolicy.of(elsewhere)).find
    assert not is_known(agent)
    assert site.asked == 0


def test_a_document_is_kept_as_long_as_it_says(agent: Relying, site: Site) -> None:
    site.publish(headers={"Cache-Control": "max-age=600"})
    with time_machine.travel(clock.now() / 1000, tick=False) as time:
        assert is_known(agent)
        time.shift(599)
        assert is_known(agent)
        assert site.asked == 1
        site.publish(client_name="Renamed", redirect_uris=["https://agent.example/cb"], headers={})
        time.shift(1)
        assert not is_known(agent)  # its callback is no longer that one
        assert site.asked == 2
        [row] = rows()
        assert (row.name, row.type) == ("Renamed", "spa")


@pytest.mark.parametrize(
    "control", ["", "no-store", "max-age=0", "public, max-age=7200", "max-age=99999999", "x"]
)
def test_how_long_documents_are_kept(control: str) -> None:
    expected = {"": USUAL, "x": USUAL, "public, max-age=7200": 2 * clock.HOUR, "max-age=99999999": LONGEST}
    assert lifetime({"cache-control": control}) == expected.get(control, SHORTEST)


@pytest.mark.database("sqlite")
def test_a_failure_is_not_kept_and_a_known_client_goes_on_for_a_day(agent: Relying, site: Site) -> None:
    with time_machine.travel(clock.now() / 1000, tick=False) as time:
        site.publish(status=503)
        for _ in range(3):
            assert not is_known(agent)
        assert site.asked == 1  # not for each who asks
        site.publish()
        time.shift(RETRY / clock.SECOND)
        assert is_known(agent)
        site.publish(status=503)
        time.shift(USUAL / clock.SECOND)
        assert is_known(agent)
        time.shift(STALE / clock.SECOND)
        assert not is_known(agent)


def test_clients_that_get_no_grant_are_forgotten(agent: Relying, site: Site) -> None:
    with time_machine.travel(clock.now() / 1000, tick=False) as time:
        assert is_known(agent)
        housekeeping.clean()
        assert len(rows()) == 1
        time.shift(UNUSED / clock.SECOND)
        housekeeping.clean()
        assert rows() == []


@pytest.mark.database("sqlite")
def test_a_crowd_of_new_clients_is_held_back(
    agent: Relying, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_NEW", 1)
    assert is_known(agent)
    site.url = site.url.replace("client.json", "another.json")
    site.publish()
    assert not is_known(agent, site.url)
    with db.transaction() as session:
        session.execute(update(Application).values(created_at=clock.now() - clock.HOUR))
    documents_of = clients().by_url.__self__  # type: ignore[attr-defined]
    documents_of._failed.clear()
    assert is_known(agent, site.url)


@pytest.mark.database("sqlite")
def test_what_the_operator_decided_stays(admin: FlaskClient, agent: Relying, site: Site) -> None:
    site.publish(headers={"Cache-Control": "max-age=300"})
    assert is_known(agent)
    [row] = rows()
    assert admin.patch(f"/applications/{row.id}", json={"accessTokenLifetime": 120}).status_code == 200
    with time_machine.travel((clock.now() + SHORTEST) / 1000):
        assert is_known(agent)
    assert site.asked == 2
    assert rows()[0].access_token_lifetime == 120
