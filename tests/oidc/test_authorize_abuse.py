"""Attacks on /authorize: redirect matching, doubled parameters, scripts in whatever comes back.

Each has been a hole in some provider. What a redirect URI may be is in `test_redirects.py`.
"""

import hmac
import html
import re
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import RSAKey
from joserfc.util import urlsafe_b64encode
from structlog.testing import LogCapture
from tests.oidc.conftest import REDIRECT_URI, Relying, id_claims, register, sent_to
from tests.oidc.test_authorize_checks import assert_page
from tests.support.jose import segment, sign
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from msidp import logs
from msidp.keys.keyring import keyring
from msidp.oidc.authorize import checks, flow, routes
from msidp.oidc.authorize.errors import PageError
from msidp.oidc.clients import clients

pytestmark = pytest.mark.database("sqlite")

ATTACK = "\"'></textarea></title><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"
PARAMETERS = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "response_mode", "nonce", "display",
    "prompt", "max_age", "ui_locales", "claims_locales", "id_token_hint", "login_hint", "acr_values",
    "claims", "code_challenge", "code_challenge_method", "request", "request_uri", "registration",
    "resource", "dpop_jkt", "x",
)  # fmt: skip
PIECES = [
    "https:", "http:", "//", "/", "\\", "@", "evil.example", "shop.example", ":", "443", "8443", "?", "#",
    "%2f", "%5c", "%00", "\0", "\n", "\t", " ", "..", ".", "/cb", "cb", "CB", ";", "&", "x=1", "javascript:",
    "[::1]",
]  # fmt: skip


def assert_harmless(page: TestResponse) -> None:
    """The page is there, and nothing of the attack is more than text."""
    assert page.mimetype == "text/html"
    assert page.status_code in (200, 400)
    without_ours = re.sub(r'<script src="/static/[^"]*"></script>', "", page.text)
    assert "<script" not in without_ours
    assert not re.search(r"<img(?! class=\"logo\" src=\"/logos/)", without_ours)
    assert "onerror" not in re.sub(r"(?:&[^;]{2,6};|%[0-9A-F]{2})[^<]*", "", without_ours)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


# Where the browser is sent


@pytest.mark.parametrize("kind", ["web", "native"])
def test_no_made_up_redirect_uri_gets_through(app: Flask, admin: FlaskClient, kind: str) -> None:
    relying = register(admin, app.test_client(), type=kind)

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12).map("".join))
    def only_the_registered_one(made_up: str) -> None:
        for uri in (made_up, REDIRECT_URI + made_up, made_up + REDIRECT_URI):
            parameters = MultiDict(relying.parameters(redirect_uri=uri))
            client = checks.find_client(parameters, clients())
            try:
                found = checks.find_redirect_uri(parameters, client)
            except PageError:
                continue
            assert found == uri == REDIRECT_URI

    only_the_registered_one()


def test_errors_go_nowhere_before_the_redirect_uri_is_known(shop: Relying) -> None:
    """Whatever else is wrong: an address that is not the application's is not redirected to."""
    for wrong in (
        {"response_type": "token"},
        {"scope": None},
        {"prompt": "none"},
        {"response_mode": "form_post"},
        {"request": "x"},
        {"state": "x" * 5000},
        {"max_age": "x"},
    ):
        for uri in ("https://evil.example/", REDIRECT_URI + "/..", REDIRECT_URI + "?x"):
            assert_page(shop.authorize(redirect_uri=uri, **wrong))
            assert_page(shop.browser.post("/authorize", data=shop.parameters(redirect_uri=uri, **wrong)))


def test_every_response_names_its_issuer(shop: Relying) -> None:
    for changes in ({}, {"scope": "x"}, {"prompt": "none", "max_age": "0"}, {"request": "x"}):
        assert sent_to(shop.authorize(**changes), shop.redirect_uri)["iss"]


# A parameter that is there twice


def test_twice_is_refused_by_get_by_post_and_split(shop: Relying) -> None:
    for name in PARAMETERS:
        if name == "resource":  # alone may be there several times (RFC 8707, section 2)
            continue
        whole = shop.parameters() | ({} if name in shop.parameters() else {name: "1"})
        twice = MultiDict([*whole.items(), (name, whole[name])])
        for answer in (
            shop.browser.get("/authorize", query_string=twice),
            shop.browser.post("/authorize", data=twice),
            shop.browser.post("/authorize", data=whole, query_string={name: whole[name]}),
        ):
            if name in ("client_id", "redirect_uri"):
                assert_page(answer)
            else:
                assert sent_to(answer, shop.redirect_uri)["error"] == "invalid_request", name


# Hints that nobody of ours has signed


def forged_hints(claims: dict[str, Any]) -> dict[str, str]:
    """ID tokens of a member, as somebody else might make them."""
    ring = keyring()
    genuine = ring.sign(claims, typ="JWT")
    first, middle, last = genuine.split(".")
    kid = jws.extract_compact(genuine.encode()).headers()["kid"]
    public_key = RSAKey.import_key(next(key for key in ring.jwks()["keys"] if key["kid"] == kid))
    own = RSAKey.generate_key(2048)
    head = {"typ": "JWT", "alg": "RS256", "kid": kid}
    mac = f"{segment(head | {'alg': 'HS256'})}.{segment(claims)}"
    macs = {
        name: urlsafe_b64encode(hmac.digest(secret, mac.encode(), "sha256")).decode()
        for name, secret in {
            "pem": public_key.as_pem(private=False),
            "der": public_key.as_der(private=False),
            "kid": kid.encode(),
        }.items()
    }
    jwk = own.as_dict(private=False)
    return {
        "alg none": f"{segment(head | {'alg': 'none'})}.{segment(claims)}.",
        **{f"HS256 by the public key ({name})": f"{mac}.{value}" for name, value in macs.items()},
        "another key": sign(head, claims, own),
        "a key brought along": sign(head | {"jwk": jwk}, claims, own),
        "a key under our kid": sign(head | {"jwk": jwk | {"kid": kid}}, claims, own),
        "a key elsewhere": sign(head | {"jku": "https://evil.example/jwks"}, claims, own),
        "altered": f"{first}.{segment(claims | {'sub': 'mem_other'})}.{last}",
        "without a signature": f"{first}.{middle}.",
        "a logout token": ring.sign(claims, typ="logout+jwt"),
        "an access token": ring.sign(claims, typ="at+jwt"),
        "another issuer's": ring.sign(claims | {"iss": "https://evil.example"}, typ="JWT"),
        "another client's": ring.sign(claims | {"aud": "client_other"}, typ="JWT"),
        "nobody's": "x.y.z",
    }


def test_only_id_tokens_of_ours_are_hints(shop: Relying) -> None:
    token = shop.tokens()["id_token"]
    for name, hint in forged_hints(id_claims(token)).items():
        for prompt in (None, "none"):
            answer = shop.authorize(id_token_hint=hint, prompt=prompt)
            assert sent_to(answer, shop.redirect_uri)["error"] == "invalid_request", name
    expired = keyring().sign(id_claims(token) | {"exp": 1, "iat": 0}, typ="JWT")
    for good in (token, expired):
        assert shop.code(id_token_hint=good, prompt="none")


# Scripts in what comes back


def test_hostile_parameters_are_text_on_every_page(admin: FlaskClient, shop: Relying) -> None:
    asking = register(admin, shop.browser, skipConsent=False)
    for relying, changes in (
        (shop, {}),
        (shop, {"response_mode": "form_post"}),
        (shop, {"redirect_uri": "https://evil.example/"}),
        (shop, {"prompt": "login"}),
        (shop, {"prompt": "create"}),
        (shop, {"prompt": "select_account"}),
        (asking, {}),
    ):
        for name in PARAMETERS:
            answer = relying.authorize(**(changes | {name: ATTACK}))
            if answer.status_code in (302, 303):
                place = answer.headers["Location"]
                assert "<" not in place
                if urlsplit(place).netloc:
                    assert place.startswith(f"{REDIRECT_URI}?")
                    continue
                answer = shop.browser.get(place)
            assert_harmless(answer)


def test_hostile_values_reach_the_application_as_they_were(shop: Relying) -> None:
    page = shop.authorize(response_mode="form_post", state=ATTACK).text
    values = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', page))
    assert html.unescape(values["state"]) == ATTACK
    assert unquote(sent_to(shop.authorize(state=ATTACK), shop.redirect_uri)["state"]) == ATTACK


def test_hostile_continuations(shop: Relying) -> None:
    for token in (ATTACK, "v1." + ATTACK, "v1.x." + quote(ATTACK), "\0", "é" * 1000, "A" * 60_000):
        for path in ("/authorize/continue", "/login", "/signup"):
            query = {"request": token, "next": f"/authorize/continue?request={token}"}
            answer = shop.browser.get(path, query_string=query)
            if answer.status_code not in (302, 303):
                assert_harmless(answer)
            else:
                assert answer.headers["Location"].startswith("/")


def test_pages_cannot_be_framed_or_cached(admin: FlaskClient, shop: Relying) -> None:
    asking = register(admin, shop.browser, skipConsent=False)
    for page in (asking.authorize(), shop.authorize(prompt="select_account"), shop.authorize(client_id="x")):
        assert page.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"


# What is said of an error, and to whom


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What /authorize logs."""
    capture = LogCapture()
    processors = [logs.add_concern, capture]
    for module in (routes, flow):
        monkeypatch.setattr(module, "log", structlog.wrap_logger(None, processors=processors))
    return capture.entries


def test_page_and_log_say_what_is_wrong_under_one_reference(shop: Relying, log: list[Any]) -> None:
    sent = "https://evil.example/<b>\r\nx: y"
    page = shop.authorize(redirect_uri=sent)
    [entry] = log
    assert f"Reference: <code>{entry['request_id']}</code>" in page.text
    assert entry["reason"] in html.unescape(page.text)
    assert "letter for letter" in entry["reason"]
    assert (
        entry["redirect_uri"]
        == "https://evil.example/<b>\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}x: y"
    )
    assert entry["client_id"] == shop.client_id
    assert "evil.example" not in page.text  # not shown, so that nobody can write on our page
    assert REDIRECT_URI not in page.text


def test_errors_at_the_redirect_uri_are_in_the_log_too(shop: Relying, log: list[Any]) -> None:
    answer = shop.authorize(scope="profile", state="the state", nonce="the nonce")
    sent = sent_to(answer, shop.redirect_uri)
    [entry] = log
    assert (entry["error"], entry["description"]) == (sent["error"], sent["error_description"])
    assert entry["request_id"] == answer.headers["X-Request-Id"]
    assert "the state" not in str(entry)
    assert "the nonce" not in str(entry)


def test_an_attacker_learns_nothing_of_other_addresses(admin: FlaskClient, shop: Relying) -> None:
    """The page is the same for any address that is not registered, whatever is."""
    many = register(admin, shop.browser, redirectUris=[REDIRECT_URI, "https://internal.shop.example/cb"])
    pages = {
        re.sub(r"req_\w+", "", relying.authorize(redirect_uri=uri).text)
        for relying in (shop, many)
        for uri in ("https://evil.example/", "https://internal.shop.example/", REDIRECT_URI + "/")
    }
    assert len(pages) == 1
