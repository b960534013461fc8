"""Events over the Admin API: published, listed, and the types there are."""

import secrets
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy import event as sqlalchemy_event

from msidp import clock, db
from msidp.webhooks import catalogue
from msidp.webhooks.models import Delivery, Event, EventBody

pytestmark = pytest.mark.database("sqlite")

DATA = {"memberId": "mem_1", "amount": 29.0, "currency": "eur"}
PUBLISHED = sorted(each.name for each in catalogue.TYPES.values() if each.published)
RESERVED = sorted(each.name for each in catalogue.TYPES.values() if not each.published)


def publish(admin: FlaskClient, event: str = "payment.succeeded", **fields: Any) -> dict[str, Any]:
    answer = admin.post("/events", json={"event": event, "data": DATA, **fields})
    assert answer.status_code == 200, answer.json
    data: dict[str, Any] = answer.json["data"]
    return data


def refusal(answer: Any) -> tuple[int, str]:
    assert set(answer.json) <= {"code", "message", "details"}
    return answer.status_code, answer.json["code"]


def register(admin: FlaskClient, dialect: str, events: list[str]) -> str:
    body = {"name": "A", "url": "https://hooks.example/", "dialect": dialect, "events": events}
    id_: str = admin.post("/webhooks", json=body).json["data"]["id"]
    return id_


def test_what_is_published_is_recorded_and_delivered(admin: FlaskClient) -> None:
    hearing = register(admin, "memberpad", ["payment.succeeded"])
    register(admin, "memberpad", ["payment.failed"])
    register(admin, "memberstack", [])
    before = clock.now()
    made = publish(admin)
    assert made == {
        "id": made["id"],
        "type": "payment.succeeded",
        "timestamp": made["createdAt"],
        "memberId": "mem_1",
        "data": {"memberId": "mem_1", "amount": 29, "currency": "eur"},
        "createdAt": made["createdAt"],
    }
    assert clock.iso(before) <= made["createdAt"] <= clock.iso(clock.now())
    with db.reading() as session:
        event = session.scalars(select(Event)).one()
        delivery = session.scalars(select(Delivery)).one()
        body = session.scalars(select(EventBody)).one()
    assert (event.id, event.member_id) == (made["id"], "mem_1")
    assert (delivery.event_id, delivery.endpoint_id) == (event.id, hearing)
    assert body.body.endswith(
        b'"data":{"amount":29,"currency":"eur","memberId":"mem_1"}}'
    )  # as the test client sends it


def test_its_moment_may_be_told(admin: FlaskClient) -> None:
    made = publish(admin, timestamp="2026-03-28T15:30:00.123+01:00")
    assert made["timestamp"] == "2026-03-28T14:30:00.123Z"
    assert made["createdAt"] != made["timestamp"]
    assert publish(admin, timestamp=None)["timestamp"] > made["timestamp"]


def test_every_outside_type_can_be_published(admin: FlaskClient) -> None:
    assert len(PUBLISHED) == 15
    for name in PUBLISHED:
        assert publish(admin, name)["type"] == name
        assert publish(admin, name, data={})["memberId"] is None


def test_msidps_own_types_cannot(admin: FlaskClient) -> None:
    assert len(RESERVED) == 13
    for name in RESERVED:
        answer = admin.post("/events", json={"event": name, "data": {}})
        assert refusal(answer) == (422, "reserved-event-type")
    for name in ("ping", "nothing.happened", "", "Payment.Succeeded", "\U0001f600"):
        answer = admin.post("/events", json={"event": name, "data": {}})
        assert refusal(answer) == (422, "unknown-event-type")
    assert admin.get("/events").json["totalCount"] == 0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"data": None}, "data"),
    ({"data": [1]}, "data"),
    ({"data": {**DATA, "memberId": 7}}, "data.memberId"),
    ({"data": {**DATA, "memberId": "7"}}, "data.memberId"),
    ({"data": {**DATA, "memberId": None}}, "data.memberId"),
    ({"data": {**DATA, "amount": "29"}}, "data.amount"),
    ({"event": 7}, "event"),
    ({"event": "x" * 201}, "event"),
    ({"timestamp": "2026-03-28T15:30:00"}, "timestamp"),
    ({"timestamp": "yesterday"}, "timestamp"),
    ({"timestamp": 1_774_708_200}, "timestamp"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
    ({"timestamp": "1969-12-31T23:59:59Z"}, "timestamp"),
    ({"timestamp": "9999-12-31T23:59:59.999999-12:00"}, "timestamp"),
    ({"type": "payment.succeeded"}, "type"),
]


def test_what_does_not_fit_is_refused_and_named(admin: FlaskClient) -> None:
    for fields, field in WRONG:
        answer = admin.post("/events", json={"event": "payment.succeeded", "data": DATA, **fields})
        assert refusal(answer) == (422, "invalid"), (fields, answer.json)
        assert answer.json["details"][0]["field"] == field, answer.json
    assert admin.post("/events", json={"data": DATA}).status_code == 422
    assert admin.post("/events", json={"event": "payment.succeeded"}).status_code == 422
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"a": deep}
    assert admin.post("/events", json={"event": "payment.succeeded", "data": deep}).status_code == 422
    secret = {**DATA, "amount": "a card number"}
    answer = admin.post("/events", json={"event": "payment.succeeded", "data": secret})
    assert "card" not in answer.get_data(as_text=True)
    assert admin.get("/events").json["totalCount"] == 0


def test_a_members_id_has_a_length(admin: FlaskClient) -> None:
    long = "mem_" + secrets.token_hex(10_000)  # no database can make it short
    answer = admin.post("/events", json={"event": "payment.succeeded", "data": {"memberId": long}})
    assert (answer.status_code, answer.json["details"][0]["field"]) == (422, "data.memberId")


@pytest.mark.database("sqlite", "postgresql")
def test_events_are_listed_by_type_and_time(admin: FlaskClient) -> None:
    old = publish(admin, timestamp="2020-01-01T00:00:00Z")["id"]
    new = publish(admin, "post.published", data={"postId": "p"})["id"]
    member_id = admin.post("/members", json={"email": "ann@example.com"}).json["data"]["id"]
    page = admin.get("/events").json
    assert [each["id"] for each in page["data"][:2]] == [old, new]
    created = page["data"][2]
    assert (created["type"], created["memberId"], created["data"]["id"]) == (
        "member.created", member_id, member_id,
    )  # fmt: skip

    def found(query: str) -> list[str]:
        answer = admin.get(f"/events?{query}")
        assert answer.status_code == 200, answer.json
        return [each["id"] for each in answer.json["data"]]

    assert found("type=post.published") == [new]
    assert found("type=nothing") == []
    assert found("since=2020-01-01T00:00:00Z")[0] == old
    assert found("since=2020-01-01T00:00:00.001Z") == [new, created["id"]]
    assert found("since=2020-01-01T01:00:00+01:00")[0] == old  # as some send it: the + arrives as a space
    assert found("since=2020-01-01T01:00:00%2B01:00&type=payment.succeeded") == [old]
    assert found("order=DESC&first=1") == [created["id"]]
    for query in ("since=now", "since=2020-01-01", "since=2020-01-01T00:00:00", "type=%00", "first=x"):
        assert refusal(admin.get(f"/events?{query}")) == (422, "invalid"), query
    with db.transaction() as session:
        for event in session.scalars(select(Event)):
            event.data = None
    assert {each["data"] for each in admin.get("/events").json["data"]} == {None}


@pytest.mark.parametrize("query", ["since=2026-01-01T00:00:00Z", "until=2020-01-01T00:00:00Z&order=DESC"])
def test_a_span_of_time_is_looked_up_and_not_searched_for(admin: FlaskClient, query: str) -> None:
    publish(admin)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM event" in statement:
            asked.append((statement, parameters))

    sqlalchemy_event.listen(Engine, "before_cursor_execute", note)
    admin.get(f"/events?{query}")
    sqlalchemy_event.remove(Engine, "before_cursor_execute", note)
    assert len(asked) == 2  # how many, and the page
    with db.reading() as session:
        for statement, parameters in asked:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [row.detail for row in plan]
            assert any("ix_event_community_id_occurred_at" in step for step in steps), steps


def test_a_publication_that_is_sent_twice_happens_once(admin: FlaskClient) -> None:
    body = {"event": "payment.succeeded", "data": DATA}
    sent = [admin.post("/events", json=body, headers={"Idempotency-Key": "k"}).json for _ in range(2)]
    assert sent[0] == sent[1]
    assert admin.get("/events").json["totalCount"] == 1


@pytest.mark.database("sqlite", "postgresql")
def test_the_types_and_who_knows_them(admin: FlaskClient) -> None:
    page = admin.get("/event-types").json
    assert (page["totalCount"], page["hasNextPage"], len(page["data"])) == (28, False, 28)
    types = {each["name"]: each for each in page["data"]}
    assert types["member.created"]["dialects"] == ["memberstack", "standard"]
    assert types["member.joined"]["dialects"] == ["memberpad"]
    assert types["member.role_changed"]["dialects"] == ["memberpad", "standard"]
    assert types["payment.failed"]["published"]
    for each in page["data"]:
        assert set(each) == {
            "name", "description", "schema", "dialects", "published", "custom", "examples",
        }  # fmt: skip
        jsonschema_rs.meta.validate(each["schema"])
    first = admin.get("/event-types?first=20").json
    assert (first["endCursor"], first["hasNextPage"]) == (20, True)
    rest = admin.get("/event-types?first=20&after=20").json
    assert [each["name"] for each in first["data"] + rest["data"]] == list(types)
    assert (rest["endCursor"], rest["hasNextPage"]) == (28, False)
    backwards = admin.get("/event-types?order=DESC&first=2&after=28").json
    assert [each["name"] for each in backwards["data"]] == list(types)[-2:-4:-1]
    assert admin.get("/event-types?after=28").json["data"] == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.dictionaries(st.sampled_from(["memberId", "amount", "x"]) | st.text(max_size=5), anything),
    timestamp=st.none() | st.text(max_size=30) | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
)
def test_nothing_that_is_published_makes_a_500(
    admin: FlaskClient, data: dict[str, Any], timestamp: str | None
) -> None:
    body = {"event": "payment.succeeded", "data": data, "timestamp": timestamp}
    answer = admin.post("/events", json=body)
    assert answer.status_code in (200, 400, 422), (body, answer.json)
