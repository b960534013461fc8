"""Lists as files: what they hold, how they are cut, and that no spreadsheet runs them."""

import csv
import io
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import add_endpoint, happen

from msidp import db, exports, walk
from msidp.members import transfer
from msidp.members.models import Member


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BATCH", 2)
    monkeypatch.setattr(walk, "WINDOW", 5)


def lines(admin: FlaskClient, path: str, **query: str) -> list[dict[str, Any]]:
    answer = admin.get(path, query_string={"format": "jsonl", **query})
    assert (answer.status_code, answer.content_type) == (200, "application/jsonl; charset=utf-8")
    return [json.loads(line) for line in answer.text.splitlines()]


def table(admin: FlaskClient, path: str, **query: str) -> list[dict[str, str]]:
    answer = admin.get(path, query_string={"format": "csv", **query})
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    text = answer.data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@given(st.text() | st.text("'=+-@＝＋－＠\t\r\na", max_size=4))
def test_no_cell_is_a_formula_and_what_it_was_is_known(text: str) -> None:
    cell = exports.safe_cell(text)
    assert not cell.startswith(tuple("=+-@＝＋－＠\t\r\n"))
    assert exports.plain_cell(cell) == text


def test_every_member_is_there_once_whatever_the_steps(
    app: Flask, admin: FlaskClient, owner_admin: FlaskClient, community_id: str
) -> None:
    plan = admin.post("/plans", json={"name": "Readers"}).json["data"]["id"]
    for number in range(23):
        body = {"email": f"m{number}@example.com", "profile": {"name": "=cmd|' /C calc'!A0"}}
        admin.post("/members", json={**body, "plans": [{"planId": plan}], "password": "correct horse"})
    with db.transaction() as session:  # a gap wider than a step
        session.execute(delete(Member).where(Member.seq.between(4, 16)))
    expected = [f"m{number}@example.com" for number in (*range(3), *range(16, 23))]
    found = lines(admin, "/members/export")
    assert [each["email"] for each in found] == expected
    assert all("passwordHash" not in each for each in found)
    assert lines(owner_admin, "/members/export", passwordHashes="true")[0]["passwordHash"].startswith(
        "$argon2id$"
    )
    assert admin.get("/members/export?passwordHashes=true").status_code == 403
    rows = table(admin, "/members/export")
    assert [row["email"] for row in rows] == expected
    assert {row["profile.name"] for row in rows} == {"'=cmd|' /C calc'!A0"}
    assert json.loads(rows[0]["plans"]) == [{"planId": plan}]
    assert admin.get("/members/export?format=xml").status_code == 422
    [*_, last] = [each for each in admin.get("/audit-log").json["data"] if "exported" in each["action"]]
    assert (last["action"], last["details"]) == (
        "members.exported",
        {"format": "csv", "passwordHashes": False},
    )
    with db.transaction() as session:
        session.execute(delete(Member))
        assert transfer.add(session, community_id, found[0]) is True  # what was exported can be imported


def test_deliveries_and_the_audit_log(admin: FlaskClient, community_id: str, receiver: Receiver) -> None:
    good, bad = (
        add_endpoint(community_id, receiver.url("/good")),
        add_endpoint(community_id, receiver.url("/bad")),
    )
    receiver.script("/bad", Answer(500))
    happen(community_id, 4)
    drain()
    everything = admin.get("/deliveries").json["data"]
    assert lines(admin, "/deliveries/export") == everything
    failed = lines(admin, "/deliveries/export", status="failed")
    assert [each["webhookId"] for each in failed] == [bad] * 4
    assert len(table(admin, "/deliveries/export", webhook=good, type="post.published")) == 4
    assert lines(admin, "/deliveries/export", type="member.created") == []
    assert lines(admin, "/deliveries/export", since="2099-01-01T00:00:00Z") == []
    log = admin.get("/audit-log?limit=100").json["data"]
    found = lines(admin, "/audit-log/export")
    assert found[: len(log)] == log
    assert table(admin, "/audit-log/export")[0]["actor.type"] == "api_key"


@pytest.mark.database("sqlite")
def test_a_file_that_breaks_off_says_so(admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        admin.post("/members", json={"email": f"m{number}@example.com"})

    def broken(member: Member, *, hashes: bool) -> dict[str, Any]:
        if member.email.startswith("m2"):
            raise RuntimeError
        return {"email": member.email}

    monkeypatch.setattr(transfer, "record", broken)
    found = lines(admin, "/members/export")
    assert [each.get("email") for each in found] == ["m0@example.com", "m1@example.com", None]
    assert found[-1] == {"error": "The export broke off here."}
