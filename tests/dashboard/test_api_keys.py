"""Developer API → API keys: whose they are, and what becomes of them."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.dashboard.conftest import make_operator, submit

from msidp import db, migrating
from msidp.audit.service import Actor
from msidp.communities import service as communities
from msidp.communities.roles import Role
from msidp.operators import administration

ROOT = "/dashboard"
KEYS, OPERATORS = f"{ROOT}/api-keys", f"{ROOT}/operators"


def make_key(browser: FlaskClient, name: str) -> str:
    """Returns the secret, which the page shows this once."""
    return submit(browser, KEYS, KEYS, name=name).text.split('id="secret">')[1].split("<")[0]


def row(browser: FlaskClient, name: str) -> str:
    """What the list tells of a key."""
    (found,) = (each for each in browser.get(KEYS).text.split("<tr>") if f"<bdi>{name}</bdi></td>" in each)
    return found


@pytest.fixture
def owner(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in("owner")


def test_an_api_key_works_until_it_is_revoked(app: Flask, owner: FlaskClient) -> None:
    secret = make_key(owner, "Backend")
    client = app.test_client()
    assert client.get("/members", headers={"X-API-KEY": secret}).status_code == 200
    assert secret not in owner.get(KEYS).text
    revoke = re.search(rf"{KEYS}/key_[a-z0-9]+/revoke", row(owner, "Backend"))
    assert revoke
    assert submit(owner, KEYS, revoke[0]).status_code == 303
    assert client.get("/members", headers={"X-API-KEY": secret}).status_code == 401
    log = owner.get(f"{ROOT}/audit-log").text
    assert [act in log for act in ("api_key.created", "api_key.revoked")] == [True, True]


@pytest.mark.database("sqlite")
def test_an_admin_leaves_owners_keys_alone(
    owner_admin: FlaskClient, admin: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    browser = sign_in("admin")
    ids = {key["role"]: key["id"] for key in owner_admin.get("/api-keys").json["data"]}
    shown = browser.get(KEYS).text
    assert (ids["admin"] in shown, ids["owner"] in shown) == (True, False)
    assert submit(browser, KEYS, f"{KEYS}/{ids['owner']}/revoke").status_code == 403
    assert owner_admin.get("/operators").status_code == 200
    assert submit(browser, KEYS, f"{KEYS}/{ids['admin']}/revoke").status_code == 303


def test_a_key_outlives_who_made_it_and_the_list_says_so(
    app: Flask, owner: FlaskClient, owner_admin: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    theirs = sign_in("admin")
    secrets = [make_key(theirs, name) for name in ("Shop", "Wiki")]
    other = owner_admin.post("/api-keys", json={"name": "Script"}).json["data"]
    assert "The admin" in row(owner, "Shop")
    assert "no operator any more" not in row(owner, "Shop")
    page = owner.get(OPERATORS).text
    assert "The 2 API keys they made stay good until revoked." in page
    (person,) = (each for each in page.split("<tr>") if "admin@example.com" in each)
    remove = re.search(rf"{OPERATORS}/opr_[a-z0-9]+/remove", person)
    assert remove
    gone = submit(owner, OPERATORS, remove[0])
    assert (gone.status_code, gone.headers["Location"]) == (303, KEYS)
    told = owner.get(KEYS).text
    assert "2 API keys they made still work: revoke here what they may have kept." in told
    assert "The admin" in row(owner, "Wiki")
    assert "no operator any more" in row(owner, "Wiki")
    for secret in secrets:
        assert app.test_client().get("/members", headers={"X-API-KEY": secret}).status_code == 200
    (maker_id,) = (key["id"] for key in owner_admin.get("/api-keys").json["data"] if key["name"] == "owner's")
    assert submit(owner, KEYS, f"{KEYS}/{maker_id}/revoke").status_code == 303
    assert "revoked key" in row(owner, "Script")
    assert app.test_client().get("/members", headers={"X-API-KEY": other["secretKey"]}).status_code == 200


@pytest.mark.own_database
def test_who_made_the_keys_there_are_is_read_from_the_audit_log(app: Flask, community_id: str) -> None:
    person = make_operator(community_id, "owner", "olga@example.com")
    with db.transaction() as session:
        communities.create_api_key(session, community_id, "unknown")
        one = administration.create_key(session, Actor(community_id, "operator", person), "one", "owner")
        for actor in (Actor(community_id, "api_key", one.id), Actor(community_id, "command_line", "root")):
            administration.create_key(session, actor, actor.type, "admin")

    def makers() -> list[tuple[str | None, ...]]:
        with db.reading() as session:
            found = administration.view_keys(session, community_id)
            return [(key.name, key.maker_type, key.maker_id, key.maker_name) for key, _ in found]

    before = makers()
    assert [name for *_, name in before] == [None, "The owner", "one", "root"]
    migrating.alembic().downgrade("0029")
    migrating.alembic().upgrade()
    assert makers() == before
