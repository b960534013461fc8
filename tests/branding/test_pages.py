"""The community's name on its pages, also when the database is away."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from msidp import clock, db
from msidp.communities import service

HTML = {"Accept": "text/html"}


def rename(name: str) -> None:
    with db.transaction() as session:
        service.ensure_default(session).name = name


def test_a_new_name_shows_within_half_a_minute(client: FlaskClient) -> None:
    with time_machine.travel(0, tick=False) as traveller:
        rename("Riverside Makers")
        assert "Riverside Makers" in client.get("/login").text
        rename("<i>Hillside</i> Makers")
        traveller.shift(31)
        page = client.get("/login").text
    assert "&lt;i&gt;Hillside&lt;/i&gt; Makers" in page
    assert "Riverside" not in page


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(("name", "initial"), [("ada", "a"), ("«Éclair»", "É"), ("!?", "·"), ("", "·")])
def test_the_mark(client: FlaskClient, name: str, initial: str) -> None:
    rename(name)
    assert f'aria-hidden="true">{initial}</span>' in client.get("/login").text


@pytest.mark.parametrize("known", [True, False], ids=["known", "never-read"])
def test_error_pages_need_no_database(client: FlaskClient, app: Flask, known: bool) -> None:
    def refuse(*_args: object) -> None:
        raise OperationalError("", {}, Exception("the database is away"))

    with time_machine.travel(0, tick=False) as traveller:
        rename("Riverside Makers")
        if known:
            client.get("/login")
        traveller.move_to(clock.HOUR / clock.SECOND)
        event.listen(db.db.engine, "before_cursor_execute", refuse)
        answer = client.get("/no-such-page", headers=HTML)
    assert answer.status_code == 404
    assert ("Riverside Makers" in answer.text) is known
    assert "There is nothing at this address." in answer.text


def test_static_files_are_cached_by_version(client: FlaskClient) -> None:
    page = client.get("/login").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    with client.get(address) as versioned, client.get("/static/pages.css") as plain:
        assert versioned.mimetype == "text/css"
        assert versioned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "immutable" not in plain.headers["Cache-Control"]
    assert client.get("/static/..%2fapp.py").status_code == 404
