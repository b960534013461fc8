"""Pushed authorization requests (RFC 9126)."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.oidc.conftest import Relying, basic, id_claims, log_in, register, sent_to, token_error
from tests.oidc.test_authorize_checks import assert_page
from tests.support.threads import at_once
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from msidp import clock, db
from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc.models import AuthorizationRequest

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now() / clock.SECOND, tick=False) as traveller:
        yield traveller


def uri_of(answer: TestResponse) -> str:
    assert answer.status_code == 201, (answer.status_code, answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == {"request_uri", "expires_in"}
    assert answer.json["expires_in"] == 60
    uri: str = answer.json["request_uri"]
    assert re.fullmatch(r"urn:ietf:params:oauth:request_uri:[\w-]{43}", uri)
    return uri


def test_a_pushed_request_is_like_any_other(shop: Relying) -> None:
    uri = uri_of(shop.push(max_age="100", nonce="n-7"))
    sent = sent_to(shop.bring(uri), shop.redirect_uri)
    assert (sent["state"], sent["iss"]) == ("s t&=#/ü", keyring().issuer)
    claims = id_claims(shop.exchange(sent["code"]).json["id_token"])
    assert claims["nonce"] == "n-7"


def test_what_else_is_in_the_address_does_not_count(shop: Relying) -> None:
    uri = uri_of(shop.push(scope="openid"))
    evil = {"redirect_uri": "https://evil.example/", "scope": "openid email", "state": "x", "prompt": "none"}
    sent = sent_to(shop.bring(uri, **evil), shop.redirect_uri)
    assert sent["state"] == "s t&=#/ü"
    assert shop.exchange(sent["code"]).json["scope"] == "openid"


def test_it_is_answered_once(shop: Relying) -> None:
    uri = uri_of(shop.push())
    assert "code" in sent_to(shop.bring(uri), shop.redirect_uri)
    assert_page(shop.bring(uri))
    failing = uri_of(shop.push(prompt="none", max_age="0"))
    assert sent_to(shop.bring(failing), shop.redirect_uri)["error"] == "login_required"
    assert_page(shop.bring(failing))


def test_a_page_loaded_twice_does_no_harm(shop: Relying, member: Member) -> None:
    """Mail scanners, previews and impatient people load an address before the member answers."""
    uri = uri_of(shop.push(prompt="login"))
    first, second = (shop.bring(uri).headers["Location"] for _ in range(2))
    assert first.startswith("/login?next=")
    assert second.startswith("/login?next=")
    log_in(shop.browser, member)
    paths = [unquote(place.partition("next=")[2]) for place in (first, second)]
    assert "code" in sent_to(shop.browser.get(paths[0]), shop.redirect_uri)
    assert_page(shop.browser.get(paths[1]))


@pytest.mark.database("sqlite", "postgresql")
def test_of_many_answers_at_once_one_holds(shop: Relying, app: Flask) -> None:
    uri = uri_of(shop.push())
    cookie = shop.browser.get_cookie("msidp_session")
    assert cookie

    def bring(_number: int) -> int:
        browser = app.test_client()
        browser.set_cookie("msidp_session", cookie.value)
        query = {"client_id": shop.client_id, "request_uri": uri}
        return browser.get("/authorize", query_string=query).status_code

    assert sorted(at_once(8, bring)) == [302] + [400] * 7


def test_it_is_bound_to_its_client(admin: FlaskClient, shop: Relying) -> None:
    other = register(admin, shop.browser, name="Other")
    uri = uri_of(shop.push())
    assert_page(other.bring(uri))
    assert_page(shop.browser.get("/authorize", query_string={"request_uri": uri}))
    assert "code" in sent_to(shop.bring(uri), shop.redirect_uri)


def test_it_is_brought_soon_and_then_has_its_time(
    admin: FlaskClient, shop: Relying, time: time_machine.Traveller
) -> None:
    asking = register(admin, shop.browser, skipConsent=False)
    late, waits = uri_of(shop.push()), uri_of(asking.push())
    time.shift(59)
    page = asking.bring(waits)
    form = dict(re.findall(r'name="(csrf_token|request)" value="([^"]*)"', page.text))
    time.shift(2)
    assert_page(shop.bring(late))
    time.shift(3500)
    allow = {**form, "decision": "allow"}
    answer = asking.browser.post("/authorize/consent", data=allow)
    assert "code" in sent_to(answer, asking.redirect_uri)
    assert_page(asking.browser.post("/authorize/consent", data=allow))


def test_unknown_uris(shop: Relying) -> None:
    prefix = "urn:ietf:params:oauth:request_uri:"
    for uri in (prefix, prefix + "x" * 43, prefix + "'\"><script>"):
        assert_page(shop.bring(uri))
    two = MultiDict([("client_id", shop.client_id), ("request_uri", prefix + "a"), ("request_uri", prefix)])
    assert_page(shop.browser.get("/authorize", query_string=two))


def test_it_is_stored_under_a_hash(shop: Relying) -> None:
    uri = uri_of(shop.push())
    with db.reading() as session:
        row = session.scalars(select(AuthorizationRequest)).one()
        assert uri.rsplit(":", 1)[1] not in f"{row.id_hash} {row.parameters}"
        assert shop.secret not in str(row.parameters)


def test_the_client_authenticates(admin: FlaskClient, shop: Relying, spa: Relying) -> None:
    assert token_error(shop.push(auth=False), 401) == "invalid_client"
    wrong = {"Authorization": basic(shop.client_id, "cs_wrong")}
    answer = shop.backend.post("/par", data=shop.parameters(), headers=wrong)
    assert token_error(answer, 401) == "invalid_client"
    assert uri_of(shop.push(auth=False, client_secret=shop.secret))
    assert token_error(shop.push(client_secret=shop.secret)) == "invalid_request"  # two methods
    assert token_error(shop.push(client_id=spa.client_id)) == "invalid_request"
    assert "code" in sent_to(spa.bring(uri_of(spa.push())), spa.redirect_uri)


def test_what_is_wrong_is_said_to_the_client(spa: Relying, shop: Relying) -> None:
    for changes, error in (
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"prompt": "now"}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"resource": "https://other.example/"}, "invalid_target"),
        ({"dpop_jkt": "x"}, "invalid_request"),
        ({"state": "x" * 2049}, "invalid_request"),
    ):
        assert token_error(shop.push(**changes)) == error, changes
    assert token_error(spa.push(code_challenge=None, code_challenge_method=None)) == "invalid_request"


def test_the_form(shop: Relying) -> None:
    headers = {"Authorization": basic(shop.client_id, shop.secret or "")}
    post = shop.backend.post
    assert token_error(post("/par", query_string=shop.parameters(), headers=headers)) == "invalid_request"
    assert token_error(post("/par", json=shop.parameters(), headers=headers)) == "invalid_request"
    twice = MultiDict([*shop.parameters().items(), ("scope", "openid")])
    assert token_error(post("/par", data=twice, headers=headers)) == "invalid_request"
    assert token_error(post("/par", data={}, headers=headers)) == "invalid_request"
    assert shop.backend.get("/par").status_code == 405


def test_an_application_may_have_to_push(admin: FlaskClient, shop: Relying) -> None:
    strict = register(admin, shop.browser, requirePushedAuthorizationRequests=True)
    sent = sent_to(strict.authorize(), strict.redirect_uri)
    assert sent["error"] == "invalid_request"
    assert sent["iss"] == keyring().issuer
    assert "code" in sent_to(strict.bring(uri_of(strict.push())), strict.redirect_uri)


def test_an_application_removed_or_changed_meanwhile(admin: FlaskClient, shop: Relying) -> None:
    uri = uri_of(shop.push())
    admin.patch(f"/applications/{shop.id}", json={"redirectUris": ["https://shop.example/new"]})
    assert_page(shop.bring(uri))


def test_by_post(shop: Relying) -> None:
    data = {"client_id": shop.client_id, "request_uri": uri_of(shop.push())}
    answer = shop.browser.post("/authorize", data=data)
    assert answer.status_code == 303
    assert "code" in sent_to(shop.browser.get(answer.headers["Location"]), shop.redirect_uri)


def test_a_flood_by_clients_without_a_secret_is_throttled(spa: Relying) -> None:
    away = {"REMOTE_ADDR": "203.0.113.7"}
    answers = [
        spa.backend.post("/par", data=spa.parameters(), environ_overrides=away).status_code
        for _ in range(101)
    ]
    assert answers == [201] * 100 + [429]
    refused = spa.backend.post("/par", data=spa.parameters(), environ_overrides=away)
    assert token_error(refused, 429) == "temporarily_unavailable"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    elsewhere = {"REMOTE_ADDR": "203.0.113.8"}
    assert spa.backend.post("/par", data=spa.parameters(), environ_overrides=elsewhere).status_code == 201


def test_discovery(client: FlaskClient) -> None:
    document = client.get("/.well-known/openid-configuration").json
    assert document["pushed_authorization_request_endpoint"] == f"{keyring().issuer}/par"
