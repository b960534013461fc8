"""oidcc-config-certification-test-plan: what the discovery document says is so."""

import json
from urllib.parse import urlsplit

import pytest
import requests
from tests.oidc.certification.conftest import TIMEOUT, Site

REQUIRED = {
    "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri",
    "scopes_supported", "response_types_supported", "subject_types_supported",
    "id_token_signing_alg_values_supported", "claims_supported",
}  # fmt: skip


@pytest.mark.parametrize("path", ["openid-configuration", "oauth-authorization-server"])
def test_oidcc_discovery_endpoint_verification(site: Site, path: str) -> None:
    answer = site.get(f"/.well-known/{path}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    metadata = answer.json()
    assert metadata.keys() >= REQUIRED
    assert metadata["issuer"] == site.issuer
    for name, url in metadata.items():
        if name.endswith(("_endpoint", "_uri")):
            assert urlsplit(url)[:2] == urlsplit(site.issuer)[:2], name
    assert "openid" in metadata["scopes_supported"]
    assert "code" in metadata["response_types_supported"]
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "none" not in metadata["id_token_signing_alg_values_supported"]
    assert set(metadata["subject_types_supported"]) <= {"public", "pairwise"}
    assert metadata["claims_parameter_supported"] is True
    assert metadata["request_parameter_supported"] is False
    assert metadata["request_uri_parameter_supported"] is False  # its default is true


def test_every_endpoint_that_is_named_is_there(site: Site) -> None:
    for name, url in site.metadata.items():
        if not name.endswith(("_endpoint", "_uri")):
            continue
        statuses = {requests.request(method, url, timeout=TIMEOUT).status_code for method in ("GET", "POST")}
        assert 404 not in statuses, name
        assert max(statuses) < 500, name


def test_every_algorithm_that_is_named_has_a_key(site: Site) -> None:
    keys = site.get("/jwks").json()["keys"]
    assert {key["alg"] for key in keys} == set(site.metadata["id_token_signing_alg_values_supported"])
    assert {key["use"] for key in keys} == {"sig"}


def test_the_document_has_no_doubts(site: Site) -> None:
    """No name twice, no null, no empty list (RFC 8414, section 3.2)."""
    names: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names.extend(name for name, _ in pairs)
        return dict(pairs)

    metadata = json.loads(site.get("/.well-known/openid-configuration").text, object_pairs_hook=note)
    assert len(set(names)) == len(names)
    assert all(value is not None and value != [] for value in metadata.values())
