from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.memberstack.sites import EMAIL, PASSWORD
from tests.memberstack.support import Visitor

from msidp import db
from msidp.communities import service as communities

NewVisitor = Callable[[], Visitor]


@pytest.fixture
def public_key(app: Flask, community_id: str) -> str:
    with db.reading() as session:
        return communities.get(session, community_id).public_key


@pytest.fixture
def visitor(app: Flask, public_key: str) -> Visitor:
    return Visitor(app, public_key)


@pytest.fixture
def another(app: Flask, public_key: str) -> NewVisitor:
    """Another browser on the site."""
    return lambda: Visitor(app, public_key)


@pytest.fixture
def plan(admin: FlaskClient) -> str:
    plan_id: str = admin.post("/plans", json={"name": "Reader"}).json["data"]["id"]
    return plan_id


@pytest.fixture
def member(admin: FlaskClient) -> dict[str, object]:
    body = {"email": EMAIL, "password": PASSWORD, "customFields": {"first-name": "Ada"}}
    made: dict[str, object] = admin.post("/members", json=body).json["data"]
    return made
