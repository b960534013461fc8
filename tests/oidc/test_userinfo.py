"""Userinfo's refusals (RFC 6750, section 3), and cross-origin calls."""

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, access_claims, register
from werkzeug.test import TestResponse

from msidp import clock
from msidp.keys.keyring import keyring

pytestmark = pytest.mark.database("sqlite")

OURS = "https://shop.example"


def challenge_of(answer: TestResponse, status: int) -> str:
    assert answer.status_code == status, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.headers["WWW-Authenticate"]


def test_without_a_token_there_is_no_error_code(shop: Relying) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer2 x"}):
        assert challenge_of(shop.backend.get("/userinfo", headers=headers), 401) == "Bearer"
    in_address = {"access_token": shop.tokens()["access_token"]}
    assert challenge_of(shop.backend.get("/userinfo", query_string=in_address), 401) == "Bearer"
    assert challenge_of(shop.backend.post("/userinfo"), 401) == "Bearer"


def test_tokens_that_are_no_good(shop: Relying) -> None:
    tokens = shop.tokens()
    now = clock.seconds(clock.now())
    good = {
        "iss": keyring().issuer,
        "aud": keyring().issuer,
        "sub": "x",
        "exp": now + 60,
        "scope": "openid",
        "gid": access_claims(tokens["access_token"])["gid"],
    }

    def forged(typ: str = "at+jwt", **changes: object) -> str:
        return keyring().sign(good | changes, typ=typ)

    assert shop.userinfo(forged()).status_code == 200
    for token in (
        "x",
        "",
        "é",
        "a.b.c",
        tokens["id_token"],
        tokens["access_token"][:-2],
        forged(gid="grt_unknown"),
        forged(gid=None),
        forged(gid=7),
        forged(gid=["x"]),
        forged(gid={"a": 1}),
        forged(typ="logout+jwt"),
        forged(aud=shop.client_id),
        forged(iss="https://evil.example"),
        forged(exp=now),
    ):
        answer = shop.userinfo(token)
        assert challenge_of(answer, 401).startswith('Bearer error="invalid_token"'), token
        assert answer.json["error"] == "invalid_token"


def test_one_token_a_request(shop: Relying) -> None:
    token = shop.tokens()["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    both = shop.backend.post("/userinfo", data={"access_token": token}, headers=header)
    twice = shop.backend.post("/userinfo", data={"access_token": [token, token]})
    for answer in (both, twice):
        assert challenge_of(answer, 400).startswith('Bearer error="invalid_request"')


def test_pages_of_the_applications_may_call(admin: FlaskClient, shop: Relying) -> None:
    register(
        admin, shop.browser, type="native", redirectUris=["com.example.app:/cb", "http://127.0.0.1:7/cb"]
    )
    for path, method in (("/token", "POST"), ("/userinfo", "GET")):
        for origin in (OURS, "http://127.0.0.1:7"):
            asked = {"Origin": origin, "Access-Control-Request-Method": method}
            preflight = shop.backend.options(path, headers=asked)
            assert preflight.status_code == 200
            assert preflight.headers["Access-Control-Allow-Origin"] == origin
            assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
            assert method in preflight.headers["Access-Control-Allow-Methods"]
            answer = shop.backend.open(path, method=method, headers={"Origin": origin})
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "Origin" in answer.headers["Vary"]
        for origin in ("https://evil.example", "null", "https://shop.example:8443", "com.example.app:", "\0"):
            answer = shop.backend.open(path, method=method, headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Origin" in answer.headers["Vary"]


def test_anybody_may_read_what_is_public(shop: Relying) -> None:
    """Also with a header that its HTTP library adds to every request, which a browser asks about first."""
    well_known = ("openid-configuration", "oauth-authorization-server", "webhook-keys")
    for path in ("/jwks", *(f"/.well-known/{name}" for name in well_known)):
        asked = {
            "Origin": "https://anywhere.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "x-requested-with",
        }
        preflight = shop.backend.options(path, headers=asked)
        answer = shop.backend.get(path, headers={"Origin": "https://anywhere.example"})
        for response in (preflight, answer):
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert preflight.headers["Access-Control-Allow-Headers"] == "*"
        assert preflight.headers["Access-Control-Allow-Methods"] == "GET"
        assert "Access-Control-Allow-Headers" not in answer.headers


@pytest.mark.database("sqlite", "postgresql")
def test_a_new_application_s_origin_counts_at_once(admin: FlaskClient, shop: Relying) -> None:
    headers = {"Origin": "https://new.example"}
    assert "Access-Control-Allow-Origin" not in shop.backend.get("/userinfo", headers=headers).headers
    register(admin, shop.browser, redirectUris=["https://new.example/cb"])
    assert "Access-Control-Allow-Origin" in shop.backend.get("/userinfo", headers=headers).headers
