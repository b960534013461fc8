"""Certificates and handshakes of receivers: whom the client trusts."""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from tests.outbound.conftest import Send, blunt_server
from tests.support.receiver import Receiver

from msidp.outbound.authorities import Authorities


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    return made


def test_an_unknown_authority_is_a_tls_error(other_ca: trustme.CA, send: Send) -> None:
    with Receiver(context(other_ca.issue_cert("localhost"))) as impostor:
        assert send(impostor.url()).error == "tls_error"
        assert impostor.requests == []


def test_an_expired_certificate_is_a_tls_error(ca: trustme.CA, send: Send) -> None:
    expired = ca.issue_cert("localhost", not_after=datetime(2024, 1, 1, tzinfo=UTC))
    with Receiver(context(expired)) as late:
        assert send(late.url()).error == "tls_error"
        assert late.requests == []


def test_a_certificate_for_another_name_is_a_tls_error(ca: trustme.CA, send: Send) -> None:
    with Receiver(context(ca.issue_cert("other.example"))) as other:
        assert send(other.url()).error == "tls_error"
        assert other.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_below_1_2_is_a_tls_error(ca: trustme.CA, send: Send) -> None:
    old = context(ca.issue_cert("localhost"))
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with Receiver(old) as outdated:
        assert send(outdated.url()).error == "tls_error"


def test_a_handshake_that_stalls_is_a_timeout(send: Send) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert send(f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.3).error == "timeout"


def test_plain_http_on_the_tls_port_is_a_tls_error(send: Send) -> None:
    with blunt_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert send(f"https://localhost:{port}/").error == "tls_error"


def test_the_systems_authorities_are_trusted_beside_the_extra_ones(ca_file: Path) -> None:
    assert Path(Authorities().path).read_bytes().count(b"BEGIN CERTIFICATE") > 50
    both = Authorities(ca_file)
    merged = Path(both.path).read_bytes()
    assert ca_file.read_bytes().strip() in merged
    assert merged.count(b"BEGIN CERTIFICATE") > 50
