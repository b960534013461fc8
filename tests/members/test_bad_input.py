"""Whatever is sent, the answer is `{code, message}` with a 4xx, and nothing has changed."""

import itertools
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from msidp import db
from msidp.incoming import MAX_BODY
from msidp.members.models import Member, PlanConnection
from msidp.webhooks.models import Event

ANN = {"email": "ann@example.com"}
DEEP: Any = 1
for _ in range(40):
    DEEP = {"a": DEEP}


@pytest.fixture
def member(admin: FlaskClient) -> dict[str, Any]:
    plan_id = admin.post("/plans", json={"name": "Gold"}).json["data"]["id"]
    body = {"email": "known@example.com", "plans": [{"planId": plan_id}]}
    found: dict[str, Any] = admin.post("/members", json=body).json["data"]
    return found


def counts() -> list[int]:
    with db.reading() as session:
        return [
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Member, PlanConnection, Event)
        ]


def refuse(answer: Any, *statuses: int, case: Any = None) -> None:
    """Check that this is a refusal, in the form of every refusal."""
    assert answer.status_code in statuses, (case, answer.status_code, answer.data[:200])
    assert answer.mimetype == "application/json", case
    assert {"code", "message"} <= set(answer.json) <= {"code", "message", "details"}, case
    assert len(answer.data) < 10_000, case


BODIES: list[bytes] = [
    b"{", b"[]", b"null", b"1", b'"x"', b"true", b"{}}", b"{'email': 1}", b'{"email": "a@b.com",}',
    b"\xff\xfe", b'{"email": "\xff"}', b"\x00", b'{"email": "a\\u0000@b.com"}', b'{"email": "\\ud800@b.com"}',
    b'{"email": "a@b.com", "customFields": {"\\u0000": 1}}',
    b'{"email": "a@b.com", "customFields": {"a": "\\udfff"}}',
    b'{"email": "a@b.com", "customFields": {"a": 1e400}}',
    b'{"email": "a@b.com", "customFields": {"a": NaN}}',
    b'{"email": "a@b.com", "customFields": {"a": -Infinity}}',
    b'{"email": "a@b.com", "json": ' + b"9" * 400 + b"}",
    b'{"email": "a@b.com", "json": ' + b"9" * 5000 + b"}",
    b'{"email": "a@b.com", "json": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"email": "a@b.com", "json": ' + b"[" * 101 + b"]" * 101 + b"}",
    b"email=a%40b.com", b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na@b.com\r\n--x--\r\n',
]  # fmt: skip


TYPES = (
    "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "", "\x00",
)  # fmt: skip


def test_bodies_that_cannot_be_read(admin: FlaskClient, member: dict[str, Any]) -> None:
    before = counts()
    for body, content_type in zip(BODIES, itertools.cycle(TYPES), strict=False):
        for method, path in (
            ("POST", "/members"),
            ("PATCH", f"/members/{member['id']}"),
            ("PATCH", f"/members/{member['id']}/plans/con_x"),
        ):
            answer = admin.open(path, method=method, data=body, content_type=content_type)
            refuse(answer, 400, case=(path, body[:60], content_type))
    assert counts() == before


def test_a_body_can_be_too_large(admin: FlaskClient, member: dict[str, Any]) -> None:
    before = counts()
    large = json.dumps({**ANN, "json": "x" * 10_000_000})
    barely = json.dumps({**ANN, "json": "x" * MAX_BODY})
    for body in (large, barely):
        for call, path in (
            (admin.post, "/members"),
            (admin.patch, f"/members/{member['id']}"),
            (admin.post, f"/members/{member['id']}/add-plan"),
        ):
            refuse(call(path, data=body, content_type="application/json"), 413)
            refuse(call(path, data=body, headers={"Idempotency-Key": "k"}), 413)
    assert counts() == before


VALUES: dict[str, list[Any]] = {
    "email": [None, 1, True, "", " ", "x", [], {}, "a@b", "a" * 500, "a@b.com\nBcc: c@d.com"],
    "password": [1, "", "short", "x" * 257, ["password"], {}],
    "plans": [None, {}, "pln_x", [1], [{}], [{"planId": 1}], [{"planId": None}], ["pln_x"],
              [{"planId": "pln_x"}] * 51, [{"planId": "x", "extra": 1}]],
    "customFields": [None, 1, "x", [], [[1, 2]], DEEP],
    "metaData": [None, 1, "x", [], [[1, 2]], DEEP],
    "json": [DEEP],
    "loginRedirect": [1, [], "x" * 2001],
    "verified": [None, 1, 0, "true", ""],
    "role": [None, 1, "", "x" * 201],
    "profile": [None, 1, [], {"nonsense": 1}, {"name": 1}, {"name": "x" * 1001}, {"picture": "javascript:x"},
                {"address": "x"}, {"address": {"planet": "x"}}, {"birthdate": "yesterday"},
                {"phone_number_verified": "yes"}],
    "profileImage": [1, "", "x", "javascript:alert(1)", "data:image/png,x", "https://"],
    "id": ["mem_x"], "createdAt": ["2026-01-01"], "custom_fields": [{}], "": [1], "é": [1],
}  # fmt: skip
WRONG = [{field: value} for field, values in VALUES.items() for value in values]


def test_fields_that_cannot_be_used(admin: FlaskClient, member: dict[str, Any]) -> None:
    before = counts()
    for wrong in WRONG:
        refuse(admin.post("/members", json=ANN | wrong), 422, case=wrong)
        if not {"password", "plans"} & set(wrong):
            refuse(admin.patch(f"/members/{member['id']}", json=wrong), 422, case=wrong)
    refuse(admin.post("/members", json={}), 422)
    refuse(admin.post("/members"), 422)
    refuse(admin.patch(f"/members/{member['id']}", json={"password": "correct horse"}), 422)
    assert counts() == before


def test_plan_calls_that_cannot_be_used(admin: FlaskClient, member: dict[str, Any]) -> None:
    path = f"/members/{member['id']}"
    before = counts()
    for wrong in (
        {},
        {"planId": 1},
        {"planId": None},
        {"planId": "x" * 300},
        {"plan_id": "x"},
        {"planId": "x", "y": 1},
    ):
        for action in ("add-plan", "remove-plan"):
            refuse(admin.post(f"{path}/{action}", json=wrong), 422, case=wrong)
    connection = f"{path}/plans/{member['planConnections'][0]['id']}"
    values: dict[str, list[Any]] = {
        "status": [None, "active", "GONE", 1],
        "planId": [None, 1],
        "nextBillingDate": [
            "tomorrow", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59", True, 1.5, -1, 10**30, [],
        ],
        "active": [True],
        "payment": [None],
    }  # fmt: skip
    for wrong in ({field: value} for field, given in values.items() for value in given):
        refuse(admin.patch(connection, json=wrong), 422, case=wrong)
    refuse(admin.patch(connection, json={"planId": "pln_none"}), 404)
    assert counts() == before


NAMES = [
    "%00", "a%00b", "%FF%FE", "%ED%A0%80", "%F0%9F%98%80", "..", "%2e%2e%2f", "%0A", "a%0Ab", "'--",
    "x" * 4000,
]  # fmt: skip


def test_paths_that_lead_nowhere(admin: FlaskClient, member: dict[str, Any]) -> None:
    before = counts()
    for name in NAMES:
        for method, path in (
            ("PATCH", f"/members/{name}"),
            ("DELETE", f"/members/{name}"),
            ("POST", f"/members/{name}/add-plan"),
            ("PATCH", f"/members/{member['id']}/plans/{name}"),
            ("GET", f"/members/{name}/events"),
            ("GET", f"/plans/{name}"),
            ("DELETE", f"/plans/{name}"),
        ):
            answer = admin.open(path, method=method, json={"planId": "pln_x"})
            refuse(answer, 400, 404, 405, 422, case=(method, path))
        answer = admin.get(f"/members/{name}")
        if answer.status_code == 200:
            assert answer.json == {"data": None}
        else:
            refuse(answer, 400, 404, case=name)
    assert counts() == before


def test_odd_headers(admin: FlaskClient) -> None:
    for name, value in (
        ("X-API-KEY", "sk_\x01"), ("X-API-KEY", "sk_" + "é" * 100), ("Idempotency-Key", "\x7f"),
        ("Content-Encoding", "gzip"), ("Content-Length", "-1"), ("X-Request-Id", "<script>"),
    ):  # fmt: skip
        answer = admin.post("/members", data=b"{", headers={name: value})
        refuse(answer, 400, 401, case=(name, value))
