"""Operators of each role, signed in as a browser is."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from msidp import db
from msidp.communities.roles import Role
from msidp.operators import service
from msidp.operators.service import NewOperator
from msidp.vault import passwords

PASSWORD = "correct horse battery"


def csrf_token(client: FlaskClient, path: str) -> str:
    """The token in the page's form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found, path
    return found.group(1)


def submit(client: FlaskClient, page: str, path: str, **fields: str):
    """Send a form of `page` to `path`, with the page's CSRF token."""
    return client.post(path, data={"csrf_token": csrf_token(client, page), **fields})


def make_operator(community_id: str, role: Role, email: str) -> str:
    with db.transaction() as session:
        link = service.invite(session, community_id, email, role)
        new = NewOperator(email, f"The {role}", passwords.hash_password(PASSWORD))
        made = service.accept(session, link.token, new)
        assert made
        return made.id


@pytest.fixture
def sign_in(app: Flask, community_id: str) -> Callable[[Role], FlaskClient]:
    """A browser with an operator of that role signed in."""

    def browser(role: Role) -> FlaskClient:
        email = f"{role}@example.com"
        make_operator(community_id, role, email)
        client = app.test_client()
        answer = submit(client, "/dashboard/sign-in", "/dashboard/sign-in", email=email, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return client

    return browser
