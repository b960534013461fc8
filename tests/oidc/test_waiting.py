"""Requests that wait: sealed, ending in time, and leaving nothing behind."""

import json
import string

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.oidc.conftest import Relying

from msidp import clock, db
from msidp.oidc.authorize import checks, sealed
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.vault.fields import cipher

pytestmark = pytest.mark.database("sqlite")

REQUEST = AuthorizeRequest(
    "client_x", "https://shop.example/cb", state="s", scopes=["openid"], prompt=["login"], max_age=0
)


def test_a_request_comes_back_as_it_was(app: Flask) -> None:
    waiting = sealed.seal(REQUEST)
    found = sealed.unseal(waiting.token)
    assert found == waiting
    assert found.request == REQUEST
    for word in ("client_x", "shop.example", "openid"):
        assert word not in waiting.token


def test_what_was_altered_or_sealed_for_something_else_does_not_open(app: Flask) -> None:
    token = sealed.seal(REQUEST).token
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        altered = sealed.unseal(token[:place] + other + token[place + 1 :])
        assert altered is None or altered.request == REQUEST  # base64 has letters with bits to spare
        assert sealed.unseal(token[:place]) is None
    text = '{"since": 1, "client_id": "c", "redirect_uri": "https://evil.example/"}'
    assert sealed.unseal(cipher().seal(text, "authorization request")) is None
    assert sealed.unseal("v1." + "A" * 100_000) is None


def test_one_of_another_version_is_none(app: Flask) -> None:
    """Two versions may run side by side for a while; what one does not know it must not pass over."""
    newer = json.dumps({"since": clock.now(), **REQUEST.as_json(), "restriction": True})
    assert sealed.unseal(sealed._cipher().seal(newer, sealed._CONTEXT)) is None


def test_it_ends_in_time(app: Flask) -> None:
    now = clock.now()
    assert sealed.unseal(sealed.seal(REQUEST, now - clock.HOUR + 5_000).token)
    assert sealed.unseal(sealed.seal(REQUEST, now - clock.HOUR).token) is None
    assert sealed.unseal(sealed.seal(REQUEST, now + clock.HOUR).token) is None


def test_anything_else_is_no_request(app: Flask) -> None:
    @settings(deadline=None)
    @given(st.text(max_size=200) | st.text(string.ascii_letters + "._-=", max_size=200).map("v1.".__add__))
    def is_none(token: str) -> None:
        assert sealed.unseal(token) is None

    is_none()


def test_the_longest_request_still_fits_into_an_address(shop: Relying, client: FlaskClient) -> None:
    """Control characters take most room when written as JSON, and more in a seal."""
    state = "\x01" * 2048
    room = checks.MAX_LENGTH - sum(len(k) + len(v) for k, v in shop.parameters(state=state).items())
    nonce = "\x01" * 2048
    claims = '{"userinfo": {"name": null}, "x": "' + "y" * (room - 2048 - 100) + '"}'
    answer = client.get("/authorize", query_string=shop.parameters(state=state, nonce=nonce, claims=claims))
    assert answer.status_code == 303
    assert "next=" in answer.headers["Location"]
    assert "to continue to <strong>Shop</strong>" in client.get(answer.headers["Location"]).text


def test_a_flood_of_requests_leaves_nothing_behind(shop: Relying, client: FlaskClient) -> None:
    def rows() -> dict[str, int]:
        with db.reading() as session:
            return {
                name: session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in db.Base.metadata.tables.items()
            }

    before = rows()
    for method in (client.get, client.post):
        for number in range(10):
            parameters = shop.parameters(state=str(number), prompt="login consent")
            answer = method("/authorize", query_string=parameters)
            assert client.get(answer.headers["Location"]).status_code in (200, 303)
    assert rows() == before
