"""Initial access tokens: who may register, how often, for how long, and what."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.oidc.conftest import REDIRECT_URI
from tests.oidc.registration.support import applications, bearer, new_token, refused, registered, send
from tests.support.threads import at_once

from msidp import clock, db
from msidp.oidc.models import Application, InitialAccessToken


@pytest.fixture
def stopped() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now() / 1000, tick=False) as traveller:
        yield traveller


@pytest.mark.database("sqlite")
def test_without_a_token_nobody_registers(client: FlaskClient) -> None:
    for headers in (
        {},
        bearer("iat_unknown"),
        bearer(""),
        {"Authorization": "Basic eDp5"},
        bearer("\xff"),
        {"X-API-KEY": "sk_x"},
    ):
        answer = client.post("/register", json={"redirect_uris": [REDIRECT_URI]}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert applications() == []


def test_a_token_is_used_as_often_as_it_says(admin: FlaskClient, client: FlaskClient) -> None:
    token = new_token(admin, maxUses=2)
    refused(send(client, token, redirect_uris=[]))  # costs nothing
    for _ in range(2):
        registered(client, token)
    assert send(client, token).status_code == 401
    [row] = admin.get("/initial-access-tokens").json["data"]
    assert (row["uses"], row["maxUses"]) == (2, 2)
    assert token not in str(row)


@pytest.mark.database("sqlite")
def test_a_token_says_what_may_be_registered_with_it(admin: FlaskClient, client: FlaskClient) -> None:
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "reports:read"}
    refused(send(client, new_token(admin), **machine))  # nobody named it
    narrow = new_token(
        admin,
        maxUses=None,
        grantTypes=["authorization_code", "client_credentials"],
        scopes=["openid", "email", "reports:read"],
        redirectHosts=["shop.example"],
    )
    made = registered(client, narrow)
    assert made["scope"] == "openid email"  # of what it would get, what it may have
    assert registered(client, narrow, **machine)["scope"] == "reports:read"
    wanted_too_much: tuple[dict[str, Any], ...] = (
        {"grant_types": ["authorization_code", "refresh_token"]},
        {"scope": "openid profile"},
        {"redirect_uris": [REDIRECT_URI, "https://shop.example.evil.example/"]},
        {"redirect_uris": ["https://www.shop.example/"]},
        {"application_type": "native", "redirect_uris": ["com.example.app:/cb"]},
        {"application_type": "native", "redirect_uris": ["com.example.app://shop.example/cb"]},
        {"post_logout_redirect_uris": ["https://evil.example/"]},
    )
    for change in wanted_too_much:
        refused(send(client, narrow, **change))
    path, auth = f"/register/{made['client_id']}", bearer(made["registration_access_token"])
    body = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI]}
    for change in wanted_too_much[:4]:
        refused(client.put(path, json=body | change, headers=auth))
    [row] = [row for row in applications() if row.client_id == made["client_id"]]
    given = {"scopes": ["openid", "profile"], "redirectUris": ["https://other.example/cb"]}
    assert admin.patch(f"/applications/{row.id}", json=given).status_code == 200
    body |= {"redirect_uris": given["redirectUris"], "scope": "openid profile"}
    assert client.put(path, json=body, headers=auth).status_code == 200  # what the operator gave stays


@pytest.mark.database("sqlite")
def test_limits_that_are_none_are_refused(admin: FlaskClient) -> None:
    for limits in (
        {"scopes": []},
        {"scopes": ["a b"]},
        {"grantTypes": ["password"]},
        *(
            {"redirectHosts": [host]}
            for host in ("a.example:443", "A.example", "u@a", "a/b", "[::1", "", "*")
        ),
    ):
        answer = admin.post("/initial-access-tokens", json={"name": "x", **limits})
        assert answer.status_code == 422, limits


def test_a_token_of_one_use_is_used_once(app: Flask, admin: FlaskClient) -> None:
    token = new_token(admin)
    statuses = at_once(8, lambda _: send(app.test_client(), token).status_code)
    assert sorted(statuses) == [201, *[401] * 7]
    assert len(applications()) == 1


def test_a_token_expires_and_is_revoked(
    admin: FlaskClient, client: FlaskClient, stopped: time_machine.Traveller
) -> None:
    short, other = new_token(admin, expiresIn=60), new_token(admin, maxUses=None, expiresIn=None)
    stopped.shift(60)
    assert send(client, short).status_code == 401
    registered(client, other)
    [*_, row] = admin.get("/initial-access-tokens").json["data"]
    path = f"/initial-access-tokens/{row['id']}"
    assert admin.delete(path).status_code == 200
    assert send(client, other).status_code == 401
    assert admin.delete(path).status_code == 404
    assert len(applications()) == 1


@pytest.mark.database("sqlite")
def test_tokens_are_stored_as_hashes(client: FlaskClient, token: str) -> None:
    made = registered(client, token)
    with db.reading() as session:
        stored = str([vars(row) for row in session.scalars(select(InitialAccessToken))])
        stored += str([vars(row) for row in session.scalars(select(Application))])
    for secret in (token, made["registration_access_token"], made["client_secret"]):
        assert secret not in stored
