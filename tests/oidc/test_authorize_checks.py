"""Every check of /authorize: what is refused, how, and that nothing is redirected to where it must not go."""

import json
import re

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, basic, register, sent_to
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from msidp.keys.keyring import keyring
from msidp.oidc import pkce

pytestmark = pytest.mark.database("sqlite")

TRICKS = [
    "https://evil.example/cb",
    "https://shop.example@evil.example/cb",
    "https://shop.example.evil.example/cb",
    "https://shop.example/cb/",
    "https://shop.example/cb?x=1",
    "https://shop.example/cb#x",
    "https://shop.example/CB",
    "https://SHOP.example/cb",
    "https://shop.example:8443/cb",
    "https://shop.example/a/../cb",
    "https://shop.example/cb%2f..",
    "https://shop.example\\@evil.example/cb",
    "http://shop.example/cb",
    "//shop.example/cb",
    "/cb",
    "javascript:alert(1)",
    "https://shop.example/cb\0",
    "https://shop.example/cb\n",
    '"><script>alert(1)</script>',
]
ESSENTIAL_ACR = '{"id_token": {"acr": {"essential": true, "values": ["x"]}}}'


def assert_page(answer: TestResponse) -> None:
    assert answer.status_code == 400, (answer.status_code, answer.headers)
    assert "Location" not in answer.headers
    assert answer.mimetype == "text/html"
    assert re.search(r"Reference: <code>req_[0-9a-z]+</code>", answer.text)
    assert answer.headers["X-Request-Id"] in answer.text
    assert "<script" not in answer.text


def error_of(relying: Relying, answer: TestResponse, *, state: str | None = "s t&=#/ü") -> str:
    """The error that went to the redirect URI, with all that belongs to it."""
    sent = sent_to(answer, relying.redirect_uri)
    assert set(sent) == {"error", "error_description", "iss"} | ({"state"} if state else set())
    assert sent["iss"] == keyring().issuer
    assert sent.get("state") == state
    assert re.fullmatch(r"[ !#-\[\]-~]+", sent["error_description"])
    return sent["error"]


def test_where_the_client_or_its_address_is_in_doubt_nothing_is_redirected(shop: Relying) -> None:
    for client_id in (
        None,
        "",
        "nobody",
        "\0",
        "ü",
        "a" * 5000,
        "' OR 1=1 --",
        '"><script>alert(1)</script>',
    ):
        assert_page(shop.authorize(client_id=client_id))
    for uri in (None, "", *TRICKS):
        assert_page(shop.authorize(redirect_uri=uri))
    for name in ("client_id", "redirect_uri"):
        whole = shop.parameters()
        for second in (whole[name], "https://evil.example/cb"):
            doubled = MultiDict([*whole.items(), (name, second)])
            assert_page(shop.browser.get("/authorize", query_string=doubled))
            assert_page(shop.browser.post("/authorize", data=doubled))
    assert_page(shop.browser.get("/authorize"))
    assert_page(shop.browser.post("/authorize"))
    assert_page(shop.authorize(redirect_uri="https://evil.example/", response_type="token", scope=None))


def test_no_parameter_may_be_there_twice(shop: Relying) -> None:
    whole = shop.parameters(prompt="none", max_age="100", extra="x")
    for name in set(whole) - {"client_id", "redirect_uri"}:
        answer = shop.browser.get("/authorize", query_string=MultiDict([*whole.items(), (name, whole[name])]))
        state = None if name == "state" else whole["state"]
        assert error_of(shop, answer, state=state) == "invalid_request", name
    split = shop.browser.post("/authorize?state=other", data=whole)
    assert error_of(shop, split, state=None) == "invalid_request"


def test_what_is_wrong_with_a_request_goes_to_the_redirect_uri(shop: Relying) -> None:
    wrong = [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_mode": "query.jwt"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://shop.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "OPENID"}, "invalid_scope"),
        ({"scope": "openid\tprofile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "a" * 44}, "invalid_request"),
        ({"code_challenge": "a" * 42 + "\n"}, "invalid_request"),
        ({"prompt": "maybe"}, "invalid_request"),
        ({"prompt": "login maybe"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "x"}, "invalid_request"),
        ({"max_age": "١"}, "invalid_request"),
        ({"max_age": "9" * 5000}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": "[" * 2000}, "invalid_request"),
        ({"claims": ESSENTIAL_ACR}, "unmet_authentication_requirements"),
        ({"nonce": "a\0b"}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"id_token_hint": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request"),
    ]  # fmt: skip
    for changes, error in wrong:
        state = None if "\0" in str(changes.values()) or changes.get("nonce") else "s t&=#/ü"
        assert error_of(shop, shop.authorize(**changes), state=state) == error, changes
        assert (
            error_of(shop, shop.browser.post("/authorize", data=shop.parameters(**changes)), state=state)
            == error
        )
    assert error_of(shop, shop.authorize(state="a\0b"), state=None) == "invalid_request"


def test_a_request_may_be_so_long_and_no_longer(shop: Relying) -> None:
    claims = '{"userinfo": {"x": "%s"}}'
    longest = {"nonce": "a" * 2048, "login_hint": "a" * 320, "claims": claims % ("a" * (4096 - 23))}
    assert len(longest["claims"]) == 4096
    for name, value in longest.items():
        assert shop.code(**{name: value})
        assert error_of(shop, shop.authorize(**{name: value.replace("a", "aa", 1)})) == "invalid_request"
    assert error_of(shop, shop.authorize(state="a" * 2049), state=None) == "invalid_request"
    assert shop.code(extra="a" * 7000)
    for changes in ({"extra": "a" * 8192}, {"a" * 8192: "x"}, {**longest, "extra": "a" * 2048}):
        assert error_of(shop, shop.authorize(**changes)) == "invalid_request"
        by_post = shop.browser.post("/authorize", data=shop.parameters(**changes))
        assert error_of(shop, by_post) == "invalid_request"


def test_a_long_state_comes_back_whole(shop: Relying) -> None:
    state = "é€😀" * 682
    assert sent_to(shop.authorize(state=state), shop.redirect_uri)["state"] == state


def test_redirect_uris_are_kept_to_the_letter(admin: FlaskClient, shop: Relying) -> None:
    uris = [
        "com.example.app:/cb",
        "com.example.app://x?y=%7E",
        "http://[::1]:7/a%2fb",
        "https://shop.example/%7Eu?a=%5b1",
    ]
    native = register(admin, shop.browser, type="native", redirectUris=uris)
    for uri in uris:
        answer = native.authorize(redirect_uri=uri)
        assert answer.headers["Location"].startswith(uri + ("&" if "?" in uri else "?") + "code=")
        assert native.exchange(sent_to(answer, uri)["code"], redirect_uri=uri).status_code == 200
    any_port = "http://[::1]:50123/a%2fb"
    answer = native.authorize(redirect_uri=any_port)
    assert native.exchange(sent_to(answer, any_port)["code"], redirect_uri=uris[2]).status_code == 400


def test_public_applications_need_pkce(spa: Relying) -> None:
    answer = spa.authorize(code_challenge=None, code_challenge_method=None)
    assert error_of(spa, answer) == "invalid_request"


def test_web_applications_may_ask_to_need_it(admin: FlaskClient, browser: FlaskClient) -> None:
    strict = register(admin, browser, requirePkce=True)
    answer = strict.authorize(code_challenge=None, code_challenge_method=None)
    assert error_of(strict, answer) == "invalid_request"


def test_a_machine_has_nothing_to_authorize(admin: FlaskClient, browser: FlaskClient) -> None:
    machine = register(admin, browser, type="machine", redirectUris=[])
    assert_page(machine.authorize())


def test_hints_must_be_id_tokens_of_this_client(admin: FlaskClient, shop: Relying) -> None:
    tokens = shop.tokens()
    other = register(admin, shop.browser, name="Other")
    session_token = keyring().sign(
        {"iss": keyring().issuer, "aud": "app_1", "sub": "x", "exp": 2**31}, typ="JWT"
    )
    for hint in (tokens["access_token"], other.tokens()["id_token"], session_token):
        assert error_of(shop, shop.authorize(id_token_hint=hint)) == "invalid_request"
    assert shop.code(id_token_hint=tokens["id_token"])


def test_the_claims_parameter_may_hold_anything(shop: Relying) -> None:
    values = [
        {"userinfo": None, "id_token": 7},
        {"userinfo": {"name": 7, "x": {"y": []}}, "id_token": {"sub": "x", "acr": {"essential": True}}},
        {"id_token": {"sub": {"value": 7}, "acr": {"values": ["1"]}}, "other": {}},
        {"userinfo": {"name": {"essential": "yes", "values": None}}},
    ]
    for value in values:
        tokens = shop.tokens(claims=json.dumps(value))
        assert shop.userinfo(tokens["access_token"]).status_code == 200


def test_an_application_removed_or_changed_meanwhile(admin: FlaskClient, shop: Relying) -> None:
    waiting = shop.browser.post("/authorize", data=shop.parameters()).headers["Location"]
    path = f"/applications/{shop.id}"
    admin.patch(path, json={"redirectUris": ["https://shop.example/new"]})
    assert_page(shop.browser.get(waiting))
    assert_page(shop.authorize())
    admin.delete(path)
    assert_page(shop.browser.get(waiting))
    for token in ("", "x", "\0", "ü" * 3000):
        assert_page(shop.browser.get("/authorize/continue", query_string={"request": token}))


def test_other_methods_are_refused(shop: Relying) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert shop.browser.open("/authorize", method=method).status_code == 405
    assert shop.browser.get("/token").status_code == 405
    assert shop.browser.get("/authorize/consent").status_code == 405


def test_tokens_are_not_for_authorize(shop: Relying) -> None:
    """A client that authenticates here learns nothing, and gains nothing."""
    headers = {"Authorization": basic(shop.client_id, shop.secret or "")}
    answer = shop.backend.get("/authorize", query_string=shop.parameters(prompt="none"), headers=headers)
    assert error_of(shop, answer) == "login_required"


def test_challenges_are_kept_to_the_letter(shop: Relying) -> None:
    code = shop.code(code_challenge=pkce.challenge_of("b" * 43))
    assert shop.exchange(code, code_verifier="b" * 43).status_code == 200
