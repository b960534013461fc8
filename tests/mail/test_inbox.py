"""GET /dev/inbox: for whom it is, and what it shows."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.mail.support import send

from msidp import db
from msidp.app import create_app
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")


def test_as_json_the_newest_first(client: FlaskClient) -> None:
    assert client.get("/dev/inbox").json == {"data": []}
    send(to="ada@example.com")
    mail_id = send(to="bob@example.com")
    answer = client.get("/dev/inbox")
    assert answer.status_code == 200
    assert answer.json is not None
    newest, oldest = answer.json["data"]
    assert (newest["id"], newest["to"], oldest["to"]) == (mail_id, "bob@example.com", "ada@example.com")
    assert newest["subject"] == "Your password was changed"
    assert "/forgot-password" in newest["text"]
    assert newest["html"].startswith("<!doctype html>")
    assert newest["createdAt"].endswith("Z")
    assert set(newest) == {"id", "to", "subject", "text", "html", "createdAt"}


def test_as_a_page_for_a_person(client: FlaskClient, settings: Settings) -> None:
    html = {"Accept": "text/html,*/*;q=0.8"}
    assert "There is no mail yet." in client.get("/dev/inbox", headers=html).text
    send(what="<script>alert(1)</script>")
    page = client.get("/dev/inbox", headers=html)
    assert page.mimetype == "text/html"
    assert "<script>alert" not in page.text
    assert f'href="{settings.base_url}/forgot-password"' in page.text


STRANGERS: list[dict[str, Any]] = [
    {"environ_overrides": {"REMOTE_ADDR": "192.0.2.1"}},
    {"headers": {"X-Forwarded-For": "127.0.0.1"}},
    {"headers": {"Forwarded": "for=192.0.2.1"}},
    {"headers": {"Via": "1.1 proxy"}},
    {"headers": {"Host": "rebound.example"}},
    {"headers": {"Host": "127.0.0.1.rebound.example"}},
    {"headers": {"Host": "127.0.0.1@rebound.example"}},
]


@pytest.mark.parametrize("request_", STRANGERS)
def test_strangers_need_a_secret_key(client: FlaskClient, secret_key: str, request_: dict[str, Any]) -> None:
    answer = client.get("/dev/inbox", **request_)
    assert answer.status_code in (400, 401)
    headers = {**request_.get("headers", {}), "X-API-KEY": secret_key}
    if answer.status_code == 401:
        assert client.get("/dev/inbox", **{**request_, "headers": headers}).status_code == 200


@pytest.fixture
def for_others(settings: Settings) -> Iterator[FlaskClient]:
    """A client of a site that others reach."""
    app = create_app(settings.model_copy(update={"base_url": "https://id.example.com"}))
    yield app.test_client()
    with app.app_context():
        db.dispose()


def test_a_site_for_others_keeps_its_inbox_to_itself(for_others: FlaskClient, secret_key: str) -> None:
    assert for_others.get("/dev/inbox").status_code == 401
    assert for_others.get("/dev/inbox", headers={"X-API-KEY": secret_key}).status_code == 200


def test_who_reads_it_by_an_admins_key_becomes_no_owner(
    for_others: FlaskClient, secret_key: str, owner_admin: FlaskClient
) -> None:
    invitation = {"email": "olga@example.com", "role": "owner"}
    assert owner_admin.post("/operator-invitations", json=invitation).status_code == 200
    owners = {"X-API-KEY": owner_admin.environ_base["HTTP_X_API_KEY"]}
    assert for_others.get("/dev/inbox", headers={"X-API-KEY": secret_key}).json == {"data": []}
    assert "/dashboard/setup?token=" in for_others.get("/dev/inbox", headers=owners).text


def test_with_smtp_there_is_none(mailing: Flask) -> None:
    assert mailing.test_client().get("/dev/inbox").status_code == 404
