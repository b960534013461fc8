"""Revocation (RFC 7009): what it ends, for whom, and what it refuses."""

import base64

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, access_claims, basic, register
from werkzeug.test import TestResponse

from msidp import clock
from msidp.keys.keyring import keyring

OFFLINE = "openid email offline_access"


def revoke(relying: Relying, token: str, **fields: str) -> TestResponse:
    headers = {"Authorization": basic(relying.client_id, relying.secret)} if relying.secret else {}
    data = {"token": token, **fields} | ({} if relying.secret else {"client_id": relying.client_id})
    return relying.backend.post("/revoke", data=data, headers=headers)


def is_alive(relying: Relying, tokens: dict[str, str]) -> bool:
    """Whether the access token still opens userinfo."""
    return relying.userinfo(tokens["access_token"]).status_code == 200


def is_done(answer: TestResponse) -> bool:
    assert "Content-Type" not in answer.headers
    return answer.status_code == 200 and not answer.data and answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "something_else", ""])
def test_either_token_ends_the_whole_grant(shop: Relying, which: str, hint: str) -> None:
    tokens, others = shop.tokens(scope=OFFLINE), shop.tokens(scope=OFFLINE)
    later = shop.refresh(tokens["refresh_token"]).json
    assert is_done(revoke(shop, later[which], token_type_hint=hint))
    assert not is_alive(shop, tokens)
    assert not is_alive(shop, later)
    assert shop.refresh(later["refresh_token"]).json["error"] == "invalid_grant"
    assert is_alive(shop, others)  # another grant of the same member to the same application
    assert shop.refresh(others["refresh_token"]).status_code == 200
    assert is_done(revoke(shop, later[which]))  # once more: nothing to do


def test_a_redeemed_refresh_token_ends_its_family(shop: Relying) -> None:
    first = shop.tokens(scope=OFFLINE)
    second = shop.refresh(first["refresh_token"]).json
    assert is_done(revoke(shop, first["refresh_token"]))
    assert not is_alive(shop, second)


def test_a_public_client_names_itself(spa: Relying) -> None:
    for which in ("access_token", "refresh_token"):
        tokens = spa.tokens(scope=OFFLINE)
        assert is_done(revoke(spa, tokens[which]))
        assert not is_alive(spa, tokens)


def test_another_client_s_token_is_left_alone(admin: FlaskClient, shop: Relying, spa: Relying) -> None:
    other = register(admin, shop.browser)
    tokens = shop.tokens(scope=OFFLINE)
    for stranger in (other, spa):
        for which in ("access_token", "refresh_token"):
            assert is_done(revoke(stranger, tokens[which]))
    assert is_alive(shop, tokens)
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def test_what_is_no_token_changes_nothing(shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    claims = access_claims(tokens["access_token"])
    header, payload, signature = tokens["access_token"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    for token in (
        "x",
        "rt_x",
        "rt_\0",
        "ü\0",
        "a" * 60_000,
        tokens["id_token"],
        f"{none}.{payload}.",
        f"{header}.{payload}.{signature[::-1]}",
        keyring().sign(claims | {"exp": clock.seconds(clock.now())}, typ="at+jwt"),
        keyring().sign(claims | {"iss": "https://evil.example"}, typ="at+jwt"),
        keyring().sign({k: v for k, v in claims.items() if k != "client_id"}, typ="at+jwt"),
    ):
        assert is_done(revoke(shop, token)), token
    assert is_alive(shop, tokens)


def test_a_machine_s_token_cannot_be_revoked(admin: FlaskClient, browser: FlaskClient) -> None:
    machine = register(admin, browser, type="machine", redirectUris=[], scopes=["reports:read"])
    token = machine.token(grant_type="client_credentials").json["access_token"]
    answer = revoke(machine, token)
    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_token_type")


def test_it_refuses_as_the_token_endpoint_does(shop: Relying, spa: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    token = tokens["refresh_token"]
    header = {"Authorization": basic(shop.client_id, shop.secret or "")}
    urlencoded = "application/x-www-form-urlencoded"
    wrong = [
        ({"data": {"token": token}}, 401, "invalid_client"),
        ({"data": {"token": token, "client_id": shop.client_id}}, 401, "invalid_client"),
        ({"data": {"token": token, "client_id": "client_unknown"}}, 401, "invalid_client"),
        ({"data": {"token": token, "client_id": spa.client_id, "client_secret": "x"}}, 401, "invalid_client"),
        ({"data": {"token": token}, "headers": {"Authorization": "Basic é"}}, 401, "invalid_client"),
        ({"data": {"token": token, "client_secret": "x"}, "headers": header}, 400, "invalid_request"),
        ({"data": {}, "headers": header}, 400, "invalid_request"),
        ({"data": {"token": ""}, "headers": header}, 400, "invalid_request"),
        ({"data": {"token": [token, token]}, "headers": header}, 400, "invalid_request"),
        ({"json": {"token": token}, "headers": header}, 400, "invalid_request"),
        ({"query_string": {"token": token}, "data": {}, "headers": header}, 400, "invalid_request"),
        ({"data": b"token=%ff", "content_type": urlencoded, "headers": header}, 400, "invalid_request"),
    ]
    for request, status, error in wrong:
        answer = shop.backend.post("/revoke", **request)
        assert (answer.status_code, answer.json["error"]) == (status, error), request
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert shop.backend.get("/revoke").status_code == 405
    assert is_alive(shop, tokens)


def test_pages_of_the_applications_may_call(spa: Relying) -> None:
    for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = spa.backend.options("/revoke", headers=asked)
        answer = spa.backend.post(
            "/revoke", data={"client_id": spa.client_id, "token": "x"}, headers={"Origin": origin}
        )
        for response in (preflight, answer):
            assert response.status_code == 200
            assert (response.headers.get("Access-Control-Allow-Origin") == origin) is allowed
