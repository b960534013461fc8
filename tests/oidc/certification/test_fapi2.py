"""fapi2-security-profile-final-test-plan, with private_key_jwt and DPoP, unsigned requests, OpenID Connect.

The names leave out `fapi2-security-profile-final-`. The modules about DPoP are in test_fapi2_dpop.py.
"""

import time
from typing import Any

import jwt
import pytest
import requests
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.oidc.certification.conftest import CALLBACK, PROFILE, TIMEOUT, Site
from tests.oidc.certification.fapi import VERIFIER, Fapi
from tests.support.forms import Browser


@pytest.fixture
def bank(site: Site, browser: Browser) -> Fapi:
    return Fapi(site, browser).register()


@pytest.fixture
def other(site: Site) -> Fapi:
    """The suite's second client, with a browser of its own."""
    return Fapi(site, Browser(site.issuer)).register()


def error(answer: requests.Response, *statuses: int) -> str:
    assert answer.status_code in (statuses or (400,)), answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    return str(answer.json()["error"])


def test_discovery_end_point_verification(site: Site) -> None:
    metadata = site.metadata
    assert metadata["pushed_authorization_request_endpoint"] == f"{site.issuer}/par"
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"]
    strong = {"PS256", "ES256", "EdDSA", "Ed25519"}
    assert strong & set(metadata["token_endpoint_auth_signing_alg_values_supported"])
    assert strong & set(metadata["id_token_signing_alg_values_supported"])
    assert set(metadata["dpop_signing_alg_values_supported"]) <= strong


def test_happy_flow(bank: Fapi) -> None:
    tokens = bank.tokens()
    answer = bank.userinfo(tokens.access_token)
    assert answer.status_code == 200, answer.text
    tokens.about_the_same(answer)


def test_user_rejects_authentication(bank: Fapi) -> None:
    request = bank.request()
    answer = bank.finish(bank.begin(request), button="Cancel")
    assert (answer["error"], answer["state"]) == ("access_denied", request["state"])


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": None}, id="ensure-authorization-request-without-state-success"),
        pytest.param({"nonce": None}, id="ensure-authorization-request-without-nonce-success"),
        pytest.param({"nonce": "n" * 64}, id="ensure-authorization-request-with-64-char-nonce-success"),
        pytest.param({"nonce": "n" * 384}, id="ensure-authorization-request-with-long-nonce"),
        pytest.param({"state": "s" * 384}, id="ensure-authorization-request-with-long-state"),
        pytest.param({"scope": "email openid"}, id="ensure-other-scope-order-succeeds"),
    ],
)
def test_requests_that_succeed(bank: Fapi, changes: dict[str, str | None]) -> None:
    bank.tokens(bank.request(**changes))


def test_claims_parameter_identity_claims(bank: Fapi) -> None:
    tokens = bank.tokens(bank.request(claims='{"userinfo": {"name": {"essential": true}}}'))
    assert bank.userinfo(tokens.access_token).json()["name"] == PROFILE["name"]


def test_access_token_type_header_case_sensitivity(bank: Fapi) -> None:
    token = bank.tokens().access_token
    for scheme in ("dpop", "DPOP", "DpOp"):
        assert bank.userinfo(token, scheme).status_code == 200


def test_state_only_outside_request_object_not_used(bank: Fapi) -> None:
    pushed = bank.push(bank.request(state=None)).json()
    answer = bank.finish(bank.visit(pushed["request_uri"], state="outside"))
    assert "state" not in answer


def test_ensure_registered_redirect_uri(bank: Fapi) -> None:
    for uri in ("https://elsewhere.example/callback", f"{CALLBACK}?x=1", None):
        assert error(bank.push(bank.request(redirect_uri=uri))) in ("invalid_request", "invalid_redirect_uri")


def test_ensure_unsigned_authorization_request_without_using_par_fails(bank: Fapi) -> None:
    page = bank.browser.get(
        requests.Request("GET", f"{bank.site.issuer}/authorize", params=bank.request()).prepare().url or ""
    )
    assert page.redirect is None or page.redirect_query["error"] == "invalid_request"
    assert page.redirect is None or "code" not in page.redirect_query


@pytest.mark.parametrize(
    "type_",
    [
        pytest.param("code id_token", id="ensure-response-type-code-idtoken-fails"),
        pytest.param("token", id="ensure-response-type-token-fails"),
    ],
)
def test_response_types_that_fail(bank: Fapi, type_: str) -> None:
    assert error(bank.push(bank.request(response_type=type_))) == "unsupported_response_type"


def test_ensure_client_id_in_token_endpoint(bank: Fapi, other: Fapi) -> None:
    """The assertion of one, the client_id of another."""
    code = bank.code(bank.request())
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    mixed = fields | {"code_verifier": VERIFIER, "client_id": other.client_id}
    assert error(bank.token(mixed), 400, 401) in ("invalid_client", "invalid_request")


def test_ensure_authorization_code_is_bound_to_client(bank: Fapi, other: Fapi) -> None:
    assert error(other.exchange(bank.code(bank.request()))) == "invalid_grant"


def test_attempt_reuse_authorization_code_after_one_second(bank: Fapi) -> None:
    code = bank.code(bank.request())
    token = bank.exchange(code).json()["access_token"]
    with time_machine.travel(time.time() + 1):
        assert error(bank.exchange(code)) == "invalid_grant"
        assert bank.userinfo(token).status_code == 401


def test_attempt_to_use_expired_auth_code(bank: Fapi) -> None:
    code = bank.code(bank.request())
    with time_machine.travel(time.time() + 61):
        assert error(bank.exchange(code)) == "invalid_grant"


@pytest.mark.parametrize(
    ("claims", "later"),
    [
        pytest.param({}, {"exp": -300}, id="ensure-client-assertion-with-exp-is-5-minutes-in-past-fails"),
        pytest.param({"aud": "https://else.example"}, {}, id="ensure-client-assertion-with-wrong-aud-fails"),
        pytest.param({"sub": None}, {}, id="ensure-client-assertion-with-no-sub-fails"),
        pytest.param(
            {}, {"nbf": 86_400, "iat": 86_400, "exp": 86_460},
            id="par-ensure-jwt-client-assertion-with-iat-nbf-over-60-seconds-in-the-future-fails",
        ),
    ],
)  # fmt: skip
def test_assertions_that_fail(bank: Fapi, claims: dict[str, Any], later: dict[str, int]) -> None:
    """`later`: claims that are so many seconds from now."""
    wrong = claims | {name: int(time.time()) + seconds for name, seconds in later.items()}
    assert error(bank.push(bank.request(), **wrong), 400, 401) == "invalid_client"
    refused = bank.exchange(bank.code(bank.request()), assertion=bank.assertion(**wrong))
    assert error(refused, 400, 401) == "invalid_client"


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param(["/par", "/token"], id="par-endpoint-as-array-audience-fails"),
        pytest.param("/par", id="par-endpoint-as-audience-fails"),
        pytest.param("/token", id="par-token-endpoint-as-audience-fails"),
    ],
)
def test_audiences_that_fail(bank: Fapi, audience: Any) -> None:
    issuer = bank.site.issuer
    whole = issuer + audience if isinstance(audience, str) else [issuer + path for path in audience]
    assert error(bank.push(bank.request(), aud=whole), 400, 401) == "invalid_client"


def test_par_ensure_jwt_client_assertion_with_iat_nbf_8_seconds_in_the_future_is_accepted(bank: Fapi) -> None:
    ahead = int(time.time()) + 8
    assert bank.push(bank.request(), iat=ahead, nbf=ahead).status_code == 201


def test_ensure_signed_client_assertion_with_rs256_fails(site: Site, browser: Browser) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    bank = Fapi(site, browser).register(jwks={"keys": [{**jwk, "kid": "one", "use": "sig"}]})
    assert bank.push(bank.request(), key=key, algorithm="PS256").status_code == 201
    assert error(bank.push(bank.request(), key=key, algorithm="RS256"), 400, 401) == "invalid_client"


def test_ensure_client_assertion_in_token_endpoint(bank: Fapi) -> None:
    refused = bank.exchange(bank.code(bank.request()), assertion={"client_id": bank.client_id})
    assert error(refused, 400, 401) == "invalid_client"


def test_refresh_token(bank: Fapi, other: Fapi) -> None:
    request = bank.request(scope="openid offline_access", prompt="consent")
    fields = {"grant_type": "refresh_token", "refresh_token": bank.tokens(request).body["refresh_token"]}
    assert error(other.token(fields)) == "invalid_grant"
    answer = bank.token(fields)
    assert answer.status_code == 200, answer.text
    assert bank.userinfo(answer.json()["access_token"]).status_code == 200


def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(bank: Fapi) -> None:
    uri = bank.push(bank.request()).json()["request_uri"]
    assert bank.visit(uri).path == "/login"  # a link that was opened in a preview first
    assert "code" in bank.finish(bank.visit(uri))


def refused_page(bank: Fapi, uri: str, client_id: str | None = None) -> None:
    page = bank.visit(uri, client_id)
    assert (page.status, page.redirect) == (400, None)


def test_par_attempt_reuse_request_uri(bank: Fapi) -> None:
    uri = bank.push(bank.request()).json()["request_uri"]
    bank.finish(bank.visit(uri))
    refused_page(bank, uri)


def test_par_attempt_to_use_expired_request_uri(bank: Fapi) -> None:
    pushed = bank.push(bank.request()).json()
    with time_machine.travel(time.time() + pushed["expires_in"] + 1):
        refused_page(bank, pushed["request_uri"])


def test_par_ensure_request_uri_is_bound_to_client(bank: Fapi, other: Fapi) -> None:
    refused_page(bank, bank.push(bank.request()).json()["request_uri"], other.client_id)


def test_par_reject_request_uri_in_par_authorization_form_params(bank: Fapi) -> None:
    uri = bank.push(bank.request()).json()["request_uri"]
    assert error(bank.push(bank.request(request_uri=uri))) == "invalid_request"


def test_par_reject_invalid_http_verb(bank: Fapi) -> None:
    for verb in ("GET", "PUT"):
        answer = requests.request(verb, bank.par, params=bank.request(), timeout=TIMEOUT)
        assert answer.status_code == 405


def test_par_ensure_pkce_required(bank: Fapi) -> None:
    request = bank.request(code_challenge=None, code_challenge_method=None)
    assert error(bank.push(request)) == "invalid_request"


def test_par_ensure_plain_pkce_rejected(bank: Fapi) -> None:
    request = bank.request(code_challenge=VERIFIER, code_challenge_method="plain")
    assert error(bank.push(request)) == "invalid_request"


@pytest.mark.parametrize(
    "verifier",
    [
        pytest.param(None, id="par-ensure-pkce-code-verifier-required"),
        pytest.param("w" * 64, id="par-incorrect-pkce-code-verifier-rejected"),
    ],
)
def test_verifiers_that_fail(bank: Fapi, verifier: str | None) -> None:
    refused = bank.exchange(bank.code(bank.request()), verifier=verifier)
    assert error(refused) in ("invalid_grant", "invalid_request")


def test_par_without_duplicate_parameters(bank: Fapi) -> None:
    """The browser brings client_id and request_uri alone, as it does in every module here."""
    assert "code" in bank.finish(bank.begin(bank.request()))
