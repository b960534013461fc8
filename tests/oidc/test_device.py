"""The device authorization grant: codes, the page, and what a polling device hears."""

import re
import time as real_time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import time_machine
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from tests.oidc.conftest import Relying, access_claims, id_claims, log_in, register, token_error
from tests.support.threads import at_once
from werkzeug.test import TestResponse

from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc.device import user_codes

pytestmark = pytest.mark.database("sqlite")

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
OFFLINE = "openid email offline_access"


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(real_time.time(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def tv(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """An application without a browser; the member is logged in at another device."""
    log_in(browser, member)
    return register(
        admin,
        browser,
        name="Telly",
        type="native",
        redirectUris=[],
        skipConsent=False,
        grantTypes=[DEVICE_CODE, "refresh_token"],
        resources=["https://api.example"],
    )


def begin(tv: Relying, **fields) -> dict:
    form = {"client_id": tv.client_id, "scope": OFFLINE} | fields
    answer = tv.backend.post("/device_authorization", data=form)
    assert answer.status_code == 200, answer.json
    return answer.json


def poll(tv: Relying, begun: dict, **fields) -> TestResponse:
    return tv.token(grant_type=DEVICE_CODE, device_code=begun["device_code"], **fields)


def decide(browser: FlaskClient, begun: dict, decision: str = "allow") -> TestResponse:
    parts = urlsplit(begun["verification_uri_complete"])
    page = browser.get(f"{parts.path}?{parts.query}")
    assert page.status_code == 200, page.text
    assert "Telly" in page.text
    assert begun["user_code"] in page.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    form = {"csrf_token": token, "user_code": begun["user_code"], "decision": decision}
    return browser.post("/device/confirm", data=form)


def test_a_member_lets_a_device_in(tv: Relying, member: Member, client: FlaskClient, time) -> None:
    found = client.get("/.well-known/openid-configuration").json
    assert urlsplit(found["device_authorization_endpoint"]).path == "/device_authorization"
    assert DEVICE_CODE in found["grant_types_supported"]
    begun = begin(tv)
    assert begun["verification_uri"] == f"{keyring().issuer}/device"
    assert (begun["expires_in"], begun["interval"]) == (600, 5)
    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", begun["user_code"])
    assert token_error(poll(tv, begun)) == "authorization_pending"
    assert "is connected" in decide(tv.browser, begun).text
    time.shift(5)
    answer = poll(tv, begun)
    assert answer.status_code == 200, answer.json
    assert id_claims(answer.json["id_token"])["sub"] == member.id
    assert tv.userinfo(answer.json["access_token"]).json["email"] == member.email
    assert tv.refresh(answer.json["refresh_token"]).status_code == 200


def test_a_device_that_polls_too_often_is_slowed_down(tv: Relying, time) -> None:
    begun = begin(tv)
    assert token_error(poll(tv, begun)) == "authorization_pending"
    time.shift(4)
    assert token_error(poll(tv, begun)) == "slow_down"
    time.shift(9)
    assert token_error(poll(tv, begun)) == "slow_down"  # ten seconds by now
    time.shift(15)
    assert token_error(poll(tv, begun)) == "authorization_pending"


@pytest.mark.database("sqlite", "postgresql")
def test_a_refusal_and_the_end_of_time(tv: Relying, time) -> None:
    refused, late = begin(tv), begin(tv)
    assert "Nothing was connected" in decide(tv.browser, refused, "deny").text
    assert token_error(poll(tv, refused)) == "access_denied"
    assert tv.browser.get(f"/device?user_code={refused['user_code']}").status_code == 400
    time.shift(600)
    assert token_error(poll(tv, late)) == "expired_token"
    assert tv.browser.get(f"/device?user_code={late['user_code']}").status_code == 400


@pytest.mark.database("sqlite", "postgresql")
def test_a_device_code_is_its_clients_and_buys_once(
    tv: Relying, spa: Relying, admin: FlaskClient, time
) -> None:
    begun = begin(tv)
    decide(tv.browser, begun)
    other = register(admin, tv.browser, type="native", grantTypes=[DEVICE_CODE, "authorization_code"])
    assert token_error(poll(other, begun)) == "invalid_grant"
    assert token_error(poll(spa, begun)) == "unauthorized_client"
    assert token_error(poll(tv, {"device_code": "dc_unknown"})) == "invalid_grant"
    assert token_error(tv.token(grant_type=DEVICE_CODE)) == "invalid_request"
    answers = at_once(10, lambda _: poll(tv, begun))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    won = next(answer.json for answer in answers if answer.status_code == 200)
    assert tv.userinfo(won["access_token"]).status_code == 401  # the others' tries revoked it


def test_what_a_device_may_ask_for(tv: Relying, shop: Relying) -> None:
    for fields in ({"scope": "email"}, {"scope": ""}):
        answer = tv.backend.post("/device_authorization", data={"client_id": tv.client_id, **fields})
        assert token_error(answer) == "invalid_scope"
    begun = {"client_id": tv.client_id, "scope": "openid", "resource": "https://other.example"}
    assert token_error(tv.backend.post("/device_authorization", data=begun)) == "invalid_target"
    assert (
        token_error(tv.backend.post("/device_authorization", data={"scope": "openid"}), 401)
        == "invalid_client"
    )
    unknown = {"client_id": "client_unknown", "scope": "openid"}
    assert token_error(tv.backend.post("/device_authorization", data=unknown), 401) == "invalid_client"
    mine = {"client_id": shop.client_id, "client_secret": shop.secret, "scope": "openid"}
    assert token_error(shop.backend.post("/device_authorization", data=mine)) == "unauthorized_client"
    for method in ("get", "put"):
        assert getattr(tv.backend, method)("/device_authorization").status_code == 405
    begun = begin(tv, resource="https://api.example")
    decide(tv.browser, begun)
    assert access_claims(poll(tv, begun).json["access_token"])["aud"] == ["https://api.example"]


def test_only_members_try_codes_and_few_of_them(
    tv: Relying, browser: FlaskClient, client: FlaskClient
) -> None:
    begun = begin(tv)
    answer = client.get(f"/device?user_code={begun['user_code']}")
    assert answer.status_code == 303
    assert urlsplit(answer.headers["Location"]).path == "/login"
    assert client.get("/device").status_code == 200
    wrong = {browser.get("/device", query_string={"user_code": "BBBB-BBBB"}).status_code for _ in range(10)}
    assert wrong == {400}
    answer = browser.get(f"/device?user_code={begun['user_code']}")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.database("sqlite", "postgresql")
def test_a_decision_needs_the_form(tv: Relying, browser: FlaskClient) -> None:
    begun = begin(tv)
    form = {"user_code": begun["user_code"], "decision": "allow"}
    assert browser.post("/device/confirm", data=form).status_code == 400
    assert token_error(poll(tv, begun)) == "authorization_pending"


def test_what_is_typed_in_breaks_nothing(browser: FlaskClient, tv: Relying) -> None:
    for typed in ("\0", "<script>alert(1)</script>", "x" * 5000, "é", "wdjb mjht", "BCDF-GHJ\ud800"):
        query = {"user_code": typed.encode("utf-8", "replace")}
        answer = browser.get("/device", query_string=query)
        assert answer.status_code in (400, 429), typed
        assert "<script>alert" not in answer.text


@given(st.text(max_size=60))
def test_only_codes_are_codes(typed: str) -> None:
    found = user_codes.normalise(typed)
    assert found is None or user_codes.normalise(found) == found


def test_a_code_is_read_however_it_is_typed() -> None:
    code = user_codes.new()
    for typed in (
        code,
        code.lower(),
        code.replace("-", ""),
        f" {code.replace('-', ' ')} ",
        code.replace("-", "–"),
    ):
        assert user_codes.normalise(typed) == code
    for wrong in ("", "ABCD-EFGH", code[:-1], code + "B"):
        assert user_codes.normalise(wrong) is None
