"""oidcc-basic-certification-test-plan, and the same modules with `response_mode=form_post`."""

import json
from typing import Any

import jwt
import pytest
import requests
import time_machine
from tests.oidc.certification.conftest import (
    CALLBACK,
    OTHER_EMAIL,
    PROFILE,
    TIMEOUT,
    Party,
    Site,
    register,
)
from tests.support.forms import Browser

from msidp.oidc import pkce

PLANS = {
    "oidcc-basic-certification-test-plan": None,
    "oidcc-formpost-basic-certification-test-plan": "form_post",
}
PROFILE_CLAIMS = set(PROFILE) - {"phone_number", "phone_number_verified", "address"} | {"updated_at"}


@pytest.fixture(params=PLANS.values(), ids=PLANS.keys())
def op(request: pytest.FixtureRequest, client: Party) -> Party:
    client.mode = request.param
    return client


def refusal(op: Party, request: dict[str, str]) -> str:
    """The error that this request ends in, at the redirect URI."""
    answer = op.answer(op.ask(request))
    assert answer.posted == (op.mode == "form_post")
    assert answer.parameters.get("state") == request.get("state")
    assert "code" not in answer.parameters
    return answer.parameters["error"]


def passed_over(op: Party, **parameters: str) -> None:
    """A request with these parameters succeeds."""
    assert op.tokens(op.request(**parameters)).userinfo()


def test_oidcc_server(op: Party) -> None:
    tokens = op.tokens(op.request())
    assert set(tokens.userinfo()) == {"sub"}


def test_oidcc_response_type_missing(op: Party) -> None:
    assert refusal(op, op.request(response_type=None)) == "invalid_request"


def test_oidcc_idtoken_signature(op: Party) -> None:
    op.tokens(op.request())  # verified by the published key whose kid it names
    keys = op.site.get("/jwks").json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in keys for name in key}


def test_oidcc_idtoken_unsigned(op: Party) -> None:
    """Not applicable unless `none` is offered: it is not."""
    assert "none" not in op.site.metadata["id_token_signing_alg_values_supported"]


def test_oidcc_userinfo_get(op: Party) -> None:
    op.tokens(op.request()).userinfo()


def test_oidcc_userinfo_post_header(op: Party) -> None:
    tokens = op.tokens(op.request())
    bearer = {"Authorization": f"Bearer {tokens.access_token}"}
    tokens.about_the_same(requests.post(f"{op.site.issuer}/userinfo", headers=bearer, timeout=TIMEOUT))


def test_oidcc_userinfo_post_body(op: Party) -> None:
    tokens = op.tokens(op.request())
    field = {"access_token": tokens.access_token}
    tokens.about_the_same(requests.post(f"{op.site.issuer}/userinfo", data=field, timeout=TIMEOUT))


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(op: Party) -> None:
    assert "nonce" not in op.tokens(op.request(nonce=None)).claims


@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        pytest.param("profile", PROFILE_CLAIMS, id="oidcc-scope-profile"),
        pytest.param("email", {"email", "email_verified"}, id="oidcc-scope-email"),
        pytest.param("address", {"address"}, id="oidcc-scope-address"),
        pytest.param("phone", {"phone_number", "phone_number_verified"}, id="oidcc-scope-phone"),
        pytest.param(
            "profile email address phone",
            {*PROFILE, "updated_at", "email", "email_verified"},
            id="oidcc-scope-all",
        ),
    ],
)
def test_oidcc_scope(op: Party, scope: str, claims: set[str]) -> None:
    told = op.tokens(op.request(scope=f"openid {scope}")).userinfo()
    assert set(told) == claims | {"sub"}
    assert {name: told[name] for name in told.keys() & PROFILE.keys()} == {
        name: PROFILE[name] for name in claims & PROFILE.keys()
    }


def test_oidcc_alternate_happy_flow(op: Party) -> None:
    """Scopes in another order, and a state that needs quoting."""
    request = op.request(scope="email openid profile", state="a+b &c=%20#ü")
    assert set(op.tokens(request).userinfo()) >= PROFILE_CLAIMS


def test_oidcc_display_page(op: Party) -> None:
    passed_over(op, display="page")


def test_oidcc_display_popup(op: Party) -> None:
    passed_over(op, display="popup")


def test_oidcc_prompt_login(op: Party) -> None:
    first = op.tokens(op.request()).claims
    with time_machine.travel(first["auth_time"] + 5):
        page = op.ask(op.request(prompt="login"))
        assert page.path == "/login"
        request = op.request(prompt="login")
        again = op.tokens(request).claims
    assert again["sub"] == first["sub"]
    assert again["auth_time"] >= first["auth_time"] + 5


def test_oidcc_prompt_none_not_logged_in(op: Party) -> None:
    assert refusal(op, op.request(prompt="none")) in ("login_required", "interaction_required")


def test_oidcc_prompt_none_logged_in(op: Party) -> None:
    first = op.tokens(op.request()).claims
    request = op.request(prompt="none")
    code = op.answer(op.ask(request)).parameters["code"]  # at once: no page was seen
    again = op.checked(op.exchange(code), request).claims
    assert (again["sub"], again["auth_time"]) == (first["sub"], first["auth_time"])


def test_oidcc_max_age_1(op: Party) -> None:
    first = op.tokens(op.request()).claims
    with time_machine.travel(first["auth_time"] + 3):
        request = op.request(max_age="1")
        page = op.ask(request)
        assert page.path == "/login"
        again = op.tokens(request).claims
    assert again["sub"] == first["sub"]
    assert again["auth_time"] > first["auth_time"] + 1


def test_oidcc_max_age_10000(op: Party) -> None:
    first = op.tokens(op.request(max_age="15000")).claims
    again = op.tokens(op.request(max_age="10000")).claims
    assert (again["sub"], again["auth_time"]) == (first["sub"], first["auth_time"])


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(op: Party) -> None:
    passed_over(op, extra="foobar")


def test_oidcc_id_token_hint(op: Party) -> None:
    first = op.tokens(op.request())
    request = op.request(prompt="none", id_token_hint=first.id_token)
    code = op.answer(op.ask(request)).parameters["code"]
    assert op.checked(op.exchange(code), request).claims["sub"] == first.claims["sub"]
    op.browser.session.cookies.clear()
    op.tokens(op.request(), OTHER_EMAIL)
    assert refusal(op, request) == "login_required"  # somebody else is logged in now


def test_oidcc_login_hint(op: Party) -> None:
    request = op.request(login_hint="bob@example.com")
    assert op.ask(request).form().values["email"] == "bob@example.com"
    passed_over(op, login_hint="ada@example.com")


def test_oidcc_ui_locales(op: Party) -> None:
    passed_over(op, ui_locales="se")


def test_oidcc_claims_locales(op: Party) -> None:
    passed_over(op, claims_locales="se")


def test_oidcc_ensure_request_with_acr_values_succeeds(op: Party) -> None:
    passed_over(op, acr_values="1 2")


@pytest.mark.parametrize(
    "later", [pytest.param(0, id="oidcc-codereuse"), pytest.param(31, id="oidcc-codereuse-30seconds")]
)
def test_oidcc_codereuse(op: Party, later: int) -> None:
    request = op.request()
    code = op.code(request)
    tokens = op.checked(op.exchange(code), request)
    with time_machine.travel(tokens.claims["iat"] + later):
        again = op.exchange(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        refused = op.site.get("/userinfo", Authorization=f"Bearer {tokens.access_token}")
    assert refused.status_code == 401


def test_oidcc_ensure_registered_redirect_uri(op: Party) -> None:
    for uri in (f"{CALLBACK}/more", f"{CALLBACK}?more=1", "https://elsewhere.example/callback"):
        page = op.ask(op.request(redirect_uri=uri))
        assert (page.status, page.redirect) == (400, None)
        assert "redirect_uri" in page.text


def test_oidcc_ensure_post_request_succeeds(op: Party) -> None:
    request = op.request()
    answer = op.browser.session.post(
        f"{op.site.issuer}/authorize", data=request, allow_redirects=False, timeout=TIMEOUT
    )
    assert answer.is_redirect
    answered = op.answered(op.browser.get(answer.headers["Location"])).parameters
    op.checked(op.exchange(answered["code"]), request)


def test_oidcc_server_client_secret_post(op: Party) -> None:
    request = op.request()
    op.checked(op.exchange(op.code(request), post=True), request)


def unsigned(claims: dict[str, Any]) -> str:
    """A request object with `alg: none`."""
    return jwt.encode(claims, key=None, algorithm="none")


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(op: Party) -> None:
    request = op.request()
    assert refusal(op, {**request, "request": unsigned(request)}) == "request_not_supported"


def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(op: Party) -> None:
    request = op.request(request_uri="https://suite.example/request.jwt")
    assert refusal(op, request) == "request_uri_not_supported"


def test_oidcc_ensure_request_object_with_redirect_uri(op: Party) -> None:
    inside = op.request(redirect_uri="https://elsewhere.example/callback")
    assert refusal(op, {**op.request(), "request": unsigned(inside)}) == "request_not_supported"


def test_oidcc_claims_essential(op: Party) -> None:
    claims = json.dumps({"userinfo": {"name": {"essential": True}}})
    assert op.tokens(op.request(claims=claims)).userinfo()["name"] == PROFILE["name"]


def test_oidcc_ensure_request_with_valid_pkce_succeeds(op: Party) -> None:
    verifier = "v" * 64
    request = op.request(code_challenge=pkce.challenge_of(verifier), code_challenge_method="S256")
    op.checked(op.exchange(op.code(request), code_verifier=verifier), request)


def test_oidcc_refresh_token(op: Party, site: Site, browser: Browser) -> None:
    request = op.request(scope="openid offline_access", prompt="consent")
    first = op.tokens(request)
    stolen = register(site, browser)  # the suite's second client
    fields = {"grant_type": "refresh_token", "refresh_token": first.body["refresh_token"]}
    assert stolen.token(fields).json()["error"] == "invalid_grant"
    again = op.checked(op.token(fields), {})
    for name in ("iss", "sub", "aud", "auth_time"):
        assert again.claims[name] == first.claims[name]
    assert again.access_token != first.access_token
    again.userinfo()
