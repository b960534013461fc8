"""Tokens with which applications register themselves, made and revoked in the dashboard."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from tests.dashboard.conftest import csrf_token, submit

from msidp import clock, db
from msidp.communities.roles import Role
from msidp.dashboard.registration import GRANTS
from msidp.oidc.kinds import GRANT_TYPES
from msidp.oidc.models import InitialAccessToken

pytestmark = pytest.mark.database("sqlite")

PATH = "/dashboard/applications/initial-access-tokens"
CALLBACK = "https://forum.example/callback"


@pytest.fixture
def browser(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in("admin")


def send(browser: FlaskClient, **fields: Any) -> Any:
    form = {"csrf_token": csrf_token(browser, PATH), "name": "Partners", "max_uses": "1", **fields}
    return browser.post(PATH, data=form)


def register(client: FlaskClient, token: str, **metadata: Any) -> int:
    body = {"redirect_uris": [CALLBACK], **metadata}
    return client.post("/register", json=body, headers={"Authorization": f"Bearer {token}"}).status_code


def badges(browser: FlaskClient) -> list[str]:
    return re.findall(r'</bdi> <span class="badge [^"]+">([^<]+)</span>', browser.get(PATH).text)


@pytest.mark.database("sqlite", "postgresql")
def test_a_token_is_made_used_within_its_limits_and_revoked(
    browser: FlaskClient, client: FlaskClient, admin: FlaskClient
) -> None:
    assert "No tokens yet" in browser.get(PATH).text
    made = send(
        browser, max_uses="2", expires_in="86400", grant_types=["authorization_code"],
        scopes="openid\nemail\n", redirect_hosts="forum.example",
    )  # fmt: skip
    token = re.search(r'id="secret">(iat_[^<]+)<', made.text)
    assert token
    assert f"Authorization: Bearer {token[1]}" in unescape(made.text)
    assert token[1] not in browser.get(PATH).text
    [row] = admin.get("/initial-access-tokens").json["data"]
    limits = {name: row[name] for name in ("maxUses", "grantTypes", "scopes", "redirectHosts")}
    assert limits == {
        "maxUses": 2,
        "grantTypes": ["authorization_code"],
        "scopes": ["openid", "email"],
        "redirectHosts": ["forum.example"],
    }
    assert clock.parse_iso(row["expiresAt"]) - clock.parse_iso(row["createdAt"]) == clock.DAY
    assert register(client, token[1], redirect_uris=["https://evil.example/"]) == 400
    assert register(client, token[1]) == 201
    assert "1 of 2" in browser.get(PATH).text
    assert badges(browser) == ["good"]
    revoke = f"{PATH}/{row['id']}/revoke"
    assert submit(browser, PATH, revoke).status_code == 303
    assert register(client, token[1]) == 401
    assert "No tokens yet" in browser.get(PATH).text
    assert submit(browser, PATH, revoke).status_code == 404
    actions = [each["action"] for each in admin.get("/audit-log").json["data"]]
    assert [each for each in actions if "initial" in each] == [
        "initial_access_token.created",
        "initial_access_token.revoked",
    ]


def test_what_is_left_empty_is_not_limited(browser: FlaskClient, admin: FlaskClient) -> None:
    assert send(browser, max_uses="", expires_in="").status_code == 200
    [row] = admin.get("/initial-access-tokens").json["data"]
    unlimited = ("maxUses", "expiresAt", "grantTypes", "scopes", "redirectHosts")
    assert {name: row[name] for name in unlimited} == dict.fromkeys(unlimited)
    shown = browser.get(PATH).text
    assert "0 of any number" in shown
    assert "anything that members consent to" in shown


WRONG = [
    ("name", " "), ("max_uses", "0"), ("max_uses", "many"), ("expires_in", "5"),
    ("grant_types", "password"), ("scopes", "a b"),
    ("redirect_hosts", "https://forum.example"), ("redirect_hosts", "\0"),
]  # fmt: skip


def test_what_is_wrong_is_said_in_place_and_makes_none(browser: FlaskClient, admin: FlaskClient) -> None:
    for field, value in WRONG:
        answer = send(browser, **{"scopes": "openid", field: value})
        assert answer.status_code == 422, (field, value)
        assert f'href="#{field}"' in answer.text, (field, value)
        assert f'id="{field}"' in answer.text, (field, value)
        if field != "scopes":
            assert ">\nopenid</textarea>" in answer.text, (field, value)  # what was typed stays
    assert admin.get("/initial-access-tokens").json["totalCount"] == 0


def test_the_list_says_which_are_over(browser: FlaskClient, client: FlaskClient) -> None:
    for name in ("a", "b", "c"):
        token = re.search(r'id="secret">([^<]+)<', send(browser, name=name).text)
        assert token
    assert register(client, token[1]) == 201
    with db.transaction() as session:
        expired = update(InitialAccessToken).where(InitialAccessToken.name == "a")
        session.execute(expired.values(expires_at=clock.now() - 1))
    assert badges(browser) == ["used up", "good", "expired"]


def test_every_grant_has_its_words() -> None:
    assert GRANTS.keys() == set(GRANT_TYPES)
