"""Sessions of browsers, seen through a route that starts, shows and ends them."""

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.support.statements import statements

from msidp import clock, db, ids
from msidp.accounts import sessions
from msidp.accounts.browser import current_login, end_session, login_url, start_session
from msidp.accounts.models import Session
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def member_id(app: Flask, community_id: str) -> str:
    """A member, and routes that log this member in and out with nothing asked."""
    with db.transaction() as session:
        member = Member(
            id=ids.new_id("mem"), community_id=community_id, email="ada@example.com",
            email_key="ada@example.com", profile={}, custom_fields={}, meta_data={},
            created_at=0, updated_at=0,
        )  # fmt: skip
        session.add(member)

    @app.get("/test/in")
    def log_in() -> str:
        with db.transaction() as session:
            return start_session(session, session.scalars(select(Member)).one(), ("pwd",)).session_id

    @app.get("/test/out")
    def log_out() -> str:
        with db.transaction() as session:
            end_session(session)
        return str(current_login())

    @app.get("/test/who")
    def who() -> str:
        login = current_login()
        assert login is current_login()
        return f"{login.session_id} {login.member_id}" if login else "nobody"

    return member.id


def cookie_line(client: FlaskClient, path: str, base_url: str | None = None) -> str:
    response = client.get(path, base_url=base_url)
    return next(line for line in response.headers.getlist("Set-Cookie") if "msidp_session=" in line)


def test_a_session_starts_shows_and_ends(client: FlaskClient, member_id: str) -> None:
    assert client.get("/test/who").text == "nobody"
    session_id = client.get("/test/in").text
    assert client.get("/test/who").text == f"{session_id} {member_id}"
    assert client.get("/test/out").text == "None"
    assert client.get("/test/who").text == "nobody"


@pytest.mark.database("sqlite", "postgresql")
def test_a_token_from_before_the_log_in_is_worth_nothing(
    client: FlaskClient, app: Flask, member_id: str
) -> None:
    client.set_cookie("msidp_session", "planted")
    client.get("/test/in")
    first = client.get_cookie("msidp_session")
    assert first is not None
    assert first.value != "planted"
    client.get("/test/in")
    other = app.test_client()
    for token in ("planted", first.value):
        other.set_cookie("msidp_session", token)
        assert other.get("/test/who").text == "nobody"


def test_only_the_hash_is_kept(client: FlaskClient, member_id: str) -> None:
    client.get("/test/in", headers={"User-Agent": "Browser\x7f 1.0"})
    cookie = client.get_cookie("msidp_session")
    assert cookie is not None
    with db.reading() as session:
        row = session.scalars(select(Session)).one()
    assert row.token_hash == ids.hash_token(cookie.value)
    assert (row.address, row.user_agent) == ("127.0.0.1", "Browser 1.0")


def test_another_browsers_session_stays(client: FlaskClient, app: Flask, member_id: str) -> None:
    other = app.test_client()
    client.get("/test/in")
    other.get("/test/in")
    client.get("/test/out")
    assert other.get("/test/who").text != "nobody"


def test_the_cookie_over_http(client: FlaskClient, member_id: str) -> None:
    line = cookie_line(client, "/test/in")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"} <= set(line.split("; "))
    assert "Max-Age=0" in cookie_line(client, "/test/out")


@pytest.mark.parametrize("visit_every", [clock.DAY, 8 * clock.DAY], ids=["visiting", "idle"])
def test_a_session_ends_by_age_and_by_absence(client: FlaskClient, member_id: str, visit_every: int) -> None:
    with time_machine.travel(0, tick=False) as traveller:
        client.get("/test/in")
        last_good = 0
        for moment in range(visit_every, 40 * clock.DAY, visit_every):
            traveller.move_to(moment / clock.SECOND)
            if client.get("/test/who").text == "nobody":
                break
            last_good = moment
        assert last_good == (29 * clock.DAY if visit_every == clock.DAY else 0)
        traveller.move_to(31 * clock.DAY / clock.SECOND)
        with db.transaction() as session:
            assert sessions.purge_expired(session, clock.now()) == 1


def test_a_live_session_is_not_purged(client: FlaskClient, member_id: str) -> None:
    client.get("/test/in")
    with db.transaction() as session:
        assert sessions.purge_expired(session, clock.now()) == 0


@pytest.mark.database("sqlite", "postgresql")
def test_a_deleted_member_is_logged_out(client: FlaskClient, member_id: str) -> None:
    client.get("/test/in")
    with db.transaction() as session:
        session.delete(session.scalars(select(Member)).one())
    assert client.get("/test/who").text == "nobody"


@pytest.mark.database("sqlite", "postgresql")
def test_a_visit_is_one_query_and_seldom_a_write(client: FlaskClient, member_id: str) -> None:
    with time_machine.travel(0, tick=False) as traveller:
        client.get("/test/in")
        with statements() as seen:
            client.get("/test/who")
        assert len(seen) == 1
        traveller.shift(6 * 60)
        with statements() as seen:
            client.get("/test/who")
        assert [line.split()[0] for line in seen] == ["SELECT", "UPDATE"]


def test_a_hostile_cookie_is_nobodys(client: FlaskClient, member_id: str) -> None:
    for token in ("", "x" * 5000, "\x00", "é", "%ff"):
        response = client.get("/test/who", headers={"Cookie": f"msidp_session={token}"})
        assert (response.status_code, response.text) == (200, "nobody")


def test_login_url() -> None:
    assert login_url("/account") == "/login?next=%2Faccount"
    assert (
        login_url("/a?b=c", login_hint="a+b@c.d", signup=True)
        == "/signup?next=%2Fa%3Fb%3Dc&login_hint=a%2Bb%40c.d"
    )
    assert login_url("//evil.example", login_hint="\ud800") == "/login?login_hint=%3F"
