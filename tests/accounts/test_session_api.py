"""Sessions listed and ended over the Admin API, and who is told when one ends."""

from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from tests.support.threads import at_once

from msidp import clock, db
from msidp.accounts import sessions
from msidp.accounts.sessions import IDLE, Ended
from msidp.errors import NotFound
from msidp.members import service as members
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def member(app: Flask, community_id: str) -> Member:
    return new_member(community_id, "ada@example.com")


@pytest.fixture
def told(app: Flask) -> Iterator[list[Ended]]:
    """What a listener hears."""
    heard: list[Ended] = []

    def listener(_session: object, ended: Ended) -> None:
        heard.append(ended)

    sessions.listen(listener)
    yield heard
    sessions._listeners.remove(listener)


def new_member(community_id: str, email: str) -> Member:
    with db.transaction() as session:
        return members.create_member(session, community_id, email=email)


def log_in(member: Member, agent: str = "Firefox") -> sessions.NewSession:
    with db.transaction() as session:
        return sessions.start(session, member, ("pwd",), address="192.0.2.7", user_agent=agent)


def listed(admin: FlaskClient, member: Member, **query: object) -> list[dict]:
    answer = admin.get(f"/members/{member.id}/sessions", query_string=query)
    assert answer.status_code == 200
    found: list[dict] = answer.json["data"]
    return found


def is_live(token: str) -> bool:
    with db.reading() as session:
        return sessions.find(session, token) is not None


@pytest.mark.database("sqlite", "postgresql")
def test_sessions_are_listed(admin: FlaskClient, member: Member, community_id: str) -> None:
    first, second = log_in(member), log_in(member, "Safari")
    log_in(new_member(community_id, "bob@example.com"))
    rows = listed(admin, member)
    assert [row["id"] for row in rows] == [first.login.session_id, second.login.session_id]
    assert rows[0]["userAgent"] == "Firefox"
    assert rows[0]["address"] == "192.0.2.7"
    assert rows[0]["methods"] == ["pwd"]
    assert set(rows[0]) == {
        "id", "createdAt", "authenticatedAt", "lastSeenAt", "expiresAt", "methods", "address", "userAgent",
    }  # fmt: skip
    assert first.token not in str(rows)
    assert [row["userAgent"] for row in listed(admin, member, order="DESC", first=1)] == ["Safari"]


def test_one_that_is_over_is_not_listed(admin: FlaskClient, member: Member) -> None:
    log_in(member)
    with time_machine.travel(clock.seconds(clock.now() + IDLE) + 1):
        assert listed(admin, member) == []


@pytest.mark.database("sqlite", "postgresql")
def test_one_session_is_ended(admin: FlaskClient, member: Member, told: list[Ended]) -> None:
    one, other = log_in(member), log_in(member)
    path = f"/members/{member.id}/sessions/{one.login.session_id}"
    answer = admin.delete(path)
    assert (answer.status_code, answer.json) == (200, {"data": {"id": one.login.session_id}})
    assert not is_live(one.token)
    assert is_live(other.token)
    assert told == [Ended(member.id, [one.login.session_id])]
    again = admin.delete(path)
    assert (again.status_code, again.json["code"]) == (404, "session-not-found")
    assert admin.get("/audit-log").json["data"][-1]["action"] == "session.ended"


def test_nobody_ends_a_session_by_another_member_s_name(
    admin: FlaskClient, member: Member, community_id: str
) -> None:
    bob, mine = new_member(community_id, "bob@example.com"), log_in(member)
    for member_id in (bob.id, "mem_unknown", "ada@example.com"):
        assert admin.delete(f"/members/{member_id}/sessions/{mine.login.session_id}").status_code == 404
    assert is_live(mine.token)


def test_all_sessions_are_ended(admin: FlaskClient, member: Member, told: list[Ended]) -> None:
    both = [log_in(member), log_in(member)]
    answer = admin.delete(f"/members/{member.id}/sessions")
    assert (answer.status_code, answer.json) == (200, {"data": {"ended": 2}})
    assert not any(is_live(one.token) for one in both)
    assert told == [Ended(member.id, [one.login.session_id for one in both], everywhere=True)]
    assert admin.delete(f"/members/{member.id}/sessions").json == {"data": {"ended": 0}}
    assert admin.get("/audit-log").json["data"][-1]["action"] == "member.logged_out"


def test_all_but_the_present_one(app: Flask, member: Member, told: list[Ended]) -> None:
    kept, other = log_in(member), log_in(member)
    with db.transaction() as session:
        assert sessions.end_all(session, member.id, kept=kept.login.session_id) == 1
    assert (is_live(kept.token), is_live(other.token)) == (True, False)
    assert told == [Ended(member.id, [other.login.session_id], everywhere=True, kept=kept.login.session_id)]


def test_a_member_who_is_deleted_is_logged_out_first(
    admin: FlaskClient, member: Member, told: list[Ended]
) -> None:
    one = log_in(member)
    assert admin.delete(f"/members/{member.id}").status_code == 200
    assert told == [Ended(member.id, [one.login.session_id], everywhere=True)]


def test_what_does_not_commit_ends_nothing(app: Flask, member: Member) -> None:
    one = log_in(member)
    with pytest.raises(NotFound), db.transaction() as session:
        sessions.end_all(session, member.id)
        sessions.end_one(session, member.id, one.login.session_id)
    assert is_live(one.token)


@pytest.mark.database("sqlite", "postgresql")
def test_a_session_is_ended_once(app: Flask, member: Member, told: list[Ended]) -> None:
    """Four who end it at once: the listeners hear of it from one."""
    one = log_in(member)

    def end(_number: int) -> None:
        with app.app_context(), db.transaction() as session:
            sessions.end(session, one.token)

    at_once(4, end)
    assert [ended.session_ids for ended in told] == [[one.login.session_id]]


def test_members_without_sessions(admin: FlaskClient, client: FlaskClient, member: Member) -> None:
    assert listed(admin, member) == []
    assert admin.get("/members/mem_unknown/sessions").status_code == 404
    assert admin.delete("/members/mem_unknown/sessions").status_code == 404
    for method in ("GET", "DELETE"):
        assert client.open(f"/members/{member.id}/sessions", method=method).status_code == 401
