"""RP-Initiated Logout: who is logged out without a question, who is asked, and where the browser goes."""

import json
import time as real_time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask.testing import FlaskClient
from joserfc.util import urlsafe_b64encode
from tests.oidc.conftest import Relying, id_claims, log_in, new_member, register
from tests.oidc.test_form_post import Reader, policy
from werkzeug.test import TestResponse

from msidp.keys.keyring import keyring
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

BACK = "https://shop.example/signed-out?from=msidp"
STATE = "s t&=#/ü\"'><b>"


@pytest.fixture
def shop(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """A web application with a place to return to; the member is logged in."""
    log_in(browser, member)
    return register(admin, browser, postLogoutRedirectUris=[BACK])


def leave(relying: Relying, **parameters: str | None) -> TestResponse:
    """The member arrives at /end-session. A parameter of None is left out."""
    return relying.browser.get("/end-session", query_string=present(parameters))


def present(parameters: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value is not None}


def hint(relying: Relying) -> str:
    token: str = relying.tokens()["id_token"]
    return token


def is_logged_in(relying: Relying) -> bool:
    return relying.browser.get("/account").status_code == 200


def is_signed_out_page(answer: TestResponse) -> bool:
    return answer.status_code == 200 and "You are signed out" in answer.text


def asks(answer: TestResponse) -> dict[str, str]:
    """The fields of the page that asks."""
    assert answer.status_code == 200
    assert "<h1>Sign out?</h1>" in answer.text, answer.text
    page = Reader()
    page.feed(answer.text)
    [form] = page.forms
    assert (form["method"], form["action"]) == ("post", "/end-session/confirm")
    return dict(page.fields)


def test_out_and_back_with_the_state(shop: Relying) -> None:
    answer = leave(shop, id_token_hint=hint(shop), post_logout_redirect_uri=BACK, state=STATE)
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location.startswith(f"{BACK}&state=")
    assert parse_qs(urlsplit(location).query) == {"from": ["msidp"], "state": [STATE]}
    assert not is_logged_in(shop)
    assert "msidp_session=;" in answer.headers["Set-Cookie"]


def test_back_without_a_state(shop: Relying) -> None:
    answer = leave(
        shop,
        id_token_hint=hint(shop),
        post_logout_redirect_uri=BACK,
        client_id=shop.client_id,
        logout_hint="x",
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, BACK)


def test_the_session_s_token_is_worth_nothing_afterwards(shop: Relying) -> None:
    token = hint(shop)
    cookie = shop.browser.get_cookie("msidp_session")
    assert cookie is not None
    leave(shop, id_token_hint=token)
    shop.browser.set_cookie("msidp_session", cookie.value)
    assert not is_logged_in(shop)


def test_by_post(shop: Relying) -> None:
    """A form of another site comes without cookies; the redirect behind it brings them."""
    form = {"id_token_hint": hint(shop), "post_logout_redirect_uri": BACK, "state": STATE, "other": "x"}
    answer = shop.backend.post("/end-session", data=form)
    assert answer.status_code == 303
    location = answer.headers["Location"]
    assert location.startswith("/end-session?")
    assert is_logged_in(shop)
    answer = shop.browser.get(location)
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == [STATE]
    assert not is_logged_in(shop)


def test_an_expired_hint_is_good(shop: Relying) -> None:
    with time_machine.travel(real_time.time(), tick=False) as time:
        token = hint(shop)
        time.shift(86400)
        answer = leave(shop, id_token_hint=token, post_logout_redirect_uri=BACK)
        assert answer.headers["Location"] == BACK
        assert not is_logged_in(shop)


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "https://evil.example/",
        "https://shop.example/signed-out",
        BACK + "&more=1",
        BACK + "#x",
        BACK.upper(),
        "https://shop.example/cb",  # registered, but for other answers
        "//evil.example",
        "javascript:alert(1)",
    ],
)
def test_no_way_back_but_a_registered_one(shop: Relying, uri: str | None) -> None:
    answer = leave(shop, id_token_hint=hint(shop), post_logout_redirect_uri=uri, state="x")
    assert is_signed_out_page(answer)
    assert "Location" not in answer.headers
    assert ("not registered" in answer.text) is bool(uri)
    assert not is_logged_in(shop)


def hints_of_nobody(relying: Relying) -> dict[str, str | None]:
    token = hint(relying)
    claims = id_claims(token)
    header, payload, signature = token.split(".")
    other_payload = urlsafe_b64encode(json.dumps(claims | {"exp": 1}).encode()).decode()
    none = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode()

    def signed(typ: str = "JWT", **changes: Any) -> str:
        return keyring().sign(claims | changes, typ=typ)

    return {
        "absent": None,
        "garbage": "ü.x",
        "altered": f"{header}.{other_payload}.{signature}",
        "unsigned": f"{none}.{payload}.",
        "another issuer's": signed(iss="https://evil.example"),
        "an access token": relying.tokens()["access_token"],
        "a logout token": signed(typ="logout+jwt"),
        "an unknown client's": signed(aud="client_unknown"),
        "of several clients": signed(aud=[relying.client_id]),
        "a member session token": signed(aud="app_x", type="member"),
    }


def test_without_a_good_hint_the_person_is_asked(shop: Relying) -> None:
    for name, token in hints_of_nobody(shop).items():
        answer = leave(shop, id_token_hint=token, post_logout_redirect_uri=BACK, state="x")
        asks(answer)
        assert "ada@example.com" in answer.text
        assert policy(answer)["form-action"] == "'self'", name
        assert is_logged_in(shop), name
    wrong_client = leave(
        shop, id_token_hint=hint(shop), client_id="client_other", post_logout_redirect_uri=BACK
    )
    answer = shop.browser.post("/end-session/confirm", data=asks(wrong_client))
    assert is_signed_out_page(answer)
    assert not is_logged_in(shop)


def test_another_member_s_hint(shop: Relying, community_id: str) -> None:
    token = hint(shop)
    log_in(shop.browser, new_member(community_id, "bob@example.com"))
    answer = leave(shop, id_token_hint=token, post_logout_redirect_uri=BACK, state=STATE)
    fields = asks(answer)
    assert "bob@example.com" in answer.text
    assert "<strong>Shop</strong> asks to sign you out" in answer.text
    assert "form-action" not in policy(answer)  # the application may lead on to anywhere
    assert is_logged_in(shop)
    answer = shop.browser.post("/end-session/confirm", data=fields)
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == [STATE]
    assert not is_logged_in(shop)


def test_a_client_id_alone_leads_back_once_the_person_agrees(shop: Relying) -> None:
    """For an application that has lost the ID token (RP-Initiated Logout 1.0, section 3)."""
    query = {"client_id": shop.client_id, "post_logout_redirect_uri": BACK, "state": STATE}
    answer = leave(shop, **query)
    fields = asks(answer)
    assert "<strong>Shop</strong> asks to sign you out" in answer.text
    assert is_logged_in(shop)
    answer = shop.browser.post("/end-session/confirm", data=fields)
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == [STATE]
    assert not is_logged_in(shop)
    assert is_signed_out_page(leave(shop, **query))  # nobody is there to be asked


def test_a_client_id_alone_leads_to_its_own_addresses(shop: Relying) -> None:
    for query in (
        {"client_id": shop.client_id, "post_logout_redirect_uri": "https://evil.example/"},
        {"client_id": "client_unknown", "post_logout_redirect_uri": BACK},
        {"client_id": shop.client_id, "id_token_hint": "x", "post_logout_redirect_uri": BACK},
    ):
        page = leave(shop, **query)
        if "Sign out?" in page.text:
            answer = shop.browser.post("/end-session/confirm", data=asks(page))
            assert is_signed_out_page(answer), query
        assert is_signed_out_page(leave(shop, **query)), query


def test_nobody_else_presses_the_button(shop: Relying) -> None:
    fields = asks(leave(shop))
    without = {name: value for name, value in fields.items() if name != "csrf_token"}
    for data, headers in (
        (without, {}),
        (fields | {"csrf_token": "x"}, {}),
        (fields, {"Sec-Fetch-Site": "cross-site"}),
        (fields, {"Origin": "https://evil.example"}),
    ):
        answer = shop.browser.post("/end-session/confirm", data=data, headers=headers)
        assert answer.status_code == 400
        assert is_logged_in(shop)
    forged = fields | {"post_logout_redirect_uri": "https://evil.example/"}
    assert is_signed_out_page(shop.browser.post("/end-session/confirm", data=forged))


def test_where_nobody_is_logged_in(shop: Relying) -> None:
    token = hint(shop)
    shop.browser.delete_cookie("msidp_session")
    answer = leave(shop, id_token_hint=token, post_logout_redirect_uri=BACK)
    assert answer.headers["Location"] == BACK
    for parameters in ({}, {"post_logout_redirect_uri": BACK}, {"id_token_hint": "x"}):
        assert is_signed_out_page(leave(shop, **parameters))


def test_what_nobody_could_mean(shop: Relying) -> None:
    token = hint(shop)
    for query in (
        {"id_token_hint": [token, token]},
        {"id_token_hint": token, "post_logout_redirect_uri": [BACK, "https://evil.example/"]},
        {"id_token_hint": token, "state": "\0"},
        {"id_token_hint": token, "state": "x" * 20_000},
        "state=%ff",
    ):
        for answer in (
            shop.browser.get("/end-session", query_string=query),
            shop.browser.post("/end-session", query_string=query),
        ):
            assert answer.status_code == 400, query
    assert is_logged_in(shop)


def test_a_machine_has_nobody_to_log_out(admin: FlaskClient, shop: Relying) -> None:
    machine = register(admin, shop.browser, type="machine", redirectUris=[], scopes=["reports:read"])
    token = machine.token(grant_type="client_credentials").json["access_token"]
    asks(leave(shop, id_token_hint=token, post_logout_redirect_uri=BACK))


def test_it_is_named_in_discovery(shop: Relying) -> None:
    metadata = shop.backend.get("/.well-known/openid-configuration").json
    assert metadata["end_session_endpoint"] == f"{keyring().issuer}/end-session"
