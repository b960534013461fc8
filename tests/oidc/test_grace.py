"""The grace window of refresh tokens, lifetimes of an application's own, and every algorithm."""

import time as real_time

import pytest
import time_machine
from flask.testing import FlaskClient
from joserfc.util import json_b64decode
from tests.oidc.conftest import Relying, access_claims, id_claims, token_error
from tests.support.threads import at_once

OFFLINE = "openid offline_access"


def test_within_the_window_a_lost_answer_can_be_had_again(shop: Relying, admin: FlaskClient) -> None:
    admin.patch(f"/applications/{shop.id}", json={"refreshTokenGrace": 20})
    with time_machine.travel(real_time.time(), tick=False) as moment:
        first = shop.tokens(scope=OFFLINE)["refresh_token"]
        second = shop.refresh(first).json
        moment.shift(15)
        again = shop.refresh(first)
        assert again.status_code == 200
        assert again.json["refresh_token"] == second["refresh_token"] != first
        assert again.json["access_token"] != second["access_token"]
        assert token_error(shop.refresh(first, scope="openid phone")) == "invalid_scope"
        third = shop.refresh(second["refresh_token"]).json
        assert shop.userinfo(third["access_token"]).status_code == 200
        assert token_error(shop.refresh(first)) == "invalid_grant"  # its successor was used
        assert shop.userinfo(third["access_token"]).status_code == 401


def test_after_the_window_a_second_use_ends_the_grant(shop: Relying, admin: FlaskClient) -> None:
    admin.patch(f"/applications/{shop.id}", json={"refreshTokenGrace": 20})
    with time_machine.travel(real_time.time(), tick=False) as moment:
        first = shop.tokens(scope=OFFLINE)["refresh_token"]
        second = shop.refresh(first).json
        moment.shift(21)
        assert token_error(shop.refresh(first)) == "invalid_grant"
        assert token_error(shop.refresh(second["refresh_token"])) == "invalid_grant"


def test_many_at_once_get_one_successor(spa: Relying, admin: FlaskClient) -> None:
    admin.patch(f"/applications/{spa.id}", json={"refreshTokenGrace": 60})
    first = spa.tokens(scope=OFFLINE)["refresh_token"]
    answers = at_once(10, lambda _: spa.refresh(first))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1


def test_lifetimes_are_the_applications_own(shop: Relying, admin: FlaskClient) -> None:
    lifetimes = {"accessTokenLifetime": 120, "idTokenLifetime": 300, "refreshTokenLifetime": 600}
    admin.patch(f"/applications/{shop.id}", json=lifetimes)
    with time_machine.travel(real_time.time(), tick=False) as moment:
        answer = shop.tokens(scope=OFFLINE)
        assert answer["expires_in"] == 120
        access, identity = access_claims(answer["access_token"]), id_claims(answer["id_token"])
        assert (access["exp"] - access["iat"], identity["exp"] - identity["iat"]) == (120, 300)
        moment.shift(590)
        answer = shop.refresh(answer["refresh_token"]).json
        assert answer["expires_in"] == 10  # nothing outlives its grant
        moment.shift(11)
        assert token_error(shop.refresh(answer["refresh_token"])) == "invalid_grant"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.database("sqlite")
def test_tokens_are_signed_as_the_application_wants(
    shop: Relying, admin: FlaskClient, algorithm: str
) -> None:
    changes = {"idTokenSignedResponseAlg": algorithm, "accessTokenSigningAlg": algorithm}
    admin.patch(f"/applications/{shop.id}", json=changes)
    answer = shop.tokens()
    for kind in ("id_token", "access_token"):
        header = json_b64decode(answer[kind].split(".")[0].encode())
        assert header["alg"] == algorithm
    assert len(id_claims(answer["id_token"])["at_hash"]) == (43 if algorithm == "EdDSA" else 22)
    assert shop.userinfo(answer["access_token"]).status_code == 200
