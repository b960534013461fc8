"""The catalogue's examples, and event types that a community registers for itself."""

import runpy
import threading
import time
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from tests.support.threads import at_once
from tests.webhooks.samples import EVERY

from msidp import canonical
from msidp.webhooks import catalogue, examples
from msidp.webhooks.dialects import hear

pytestmark = pytest.mark.database("sqlite")

ROOT = Path(__file__).parents[2]
INVOICE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "invoiceId": {"type": "string", "pattern": "^[0-9-]+$"},
        "lines": {"$ref": "#/$defs/lines"},
    },
    "required": ["invoiceId"],
    "$defs": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}, "line": {"type": "object"}},
}
TYPE = {
    "name": "invoice.paid",
    "description": "An invoice was paid",
    "schema": INVOICE,
    "example": {"invoiceId": "2026-117"},
}


def register(admin: FlaskClient, **fields: Any) -> Any:
    return admin.post("/event-types", json={**TYPE, **fields})


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_the_page_is_current() -> None:
    """After a change of the catalogue: `make docs`."""
    made = runpy.run_path(str(ROOT / "tools" / "event_types.py"))["page"]()
    assert (ROOT / "docs" / "event-types.md").read_text() == made


def test_every_type_has_an_example_in_each_of_its_dialects() -> None:
    for each in catalogue.TYPES.values():
        found = examples.EXAMPLES[each.name]
        assert set(found) == set(each.dialects), each.name
        for dialect, body in found.items():
            assert body["type" if dialect == "standard" else "event"] == each.name
            data = body["payload" if dialect == "memberstack" else "data"]
            jsonschema_rs.Draft202012Validator(each.schema).validate(data)


def test_what_really_happens_looks_like_the_examples(admin: FlaskClient) -> None:
    plan = admin.post("/plans", json={"name": "Readers"}).json["data"]["id"]
    body = {"email": "jane@example.com", "plans": [{"planId": plan}]}
    member = admin.post("/members", json=body).json["data"]["id"]
    admin.patch(f"/members/{member}", json={"role": "admin"})
    admin.delete(f"/members/{member}")
    real = {each["type"]: each["data"] for each in admin.get("/events").json["data"]}
    assert set(real) == {"member.created", "member.plan.created", "member.role_changed", "member.deleted"}
    for name, data in real.items():
        assert set(data) == set(examples.EXAMPLES[name]["standard"]["data"]), name
    connection = examples.EXAMPLES["member.plan.created"]["standard"]["data"]["planConnection"]
    assert set(connection) == set(real["member.plan.created"]["planConnection"])


def test_events_of_every_kind_fit_their_types_in_every_dialect() -> None:
    for event in EVERY:
        for dialect in catalogue.DIALECTS:
            heard = hear(dialect, event)
            if heard is None or event.type == "ping":
                continue
            name, body = heard
            assert dialect in catalogue.TYPES[name].dialects
            told = canonical.loads(body)
            data = told["payload" if dialect == "memberstack" else "data"]
            jsonschema_rs.Draft202012Validator(catalogue.TYPES[name].schema).validate(data)


def test_a_type_of_ones_own_is_published_and_heard(admin: FlaskClient) -> None:
    made = register(admin).json["data"]
    assert made == {
        "name": "invoice.paid",
        "description": "An invoice was paid",
        "schema": INVOICE,
        "dialects": ["standard"],
        "published": True,
        "custom": True,
        "examples": {
            "standard": {
                "type": "invoice.paid",
                "timestamp": "2026-03-28T14:30:00.000Z",
                "data": {"invoiceId": "2026-117"},
            }
        },
    }
    assert admin.get("/event-types/invoice.paid").json["data"] == made
    listed = admin.get("/event-types").json
    assert (listed["totalCount"], listed["data"][-1]) == (29, made)
    hook = {"name": "A", "url": "https://hooks.example/", "dialect": "standard", "events": ["invoice.paid"]}
    hearing = admin.post("/webhooks", json=hook).json["data"]["id"]
    everything = admin.post("/webhooks", json={**hook, "events": []}).json["data"]["id"]
    for dialect in ("memberpad", "memberstack"):
        assert code(admin.post("/webhooks", json={**hook, "dialect": dialect})) == (422, "unknown-event-type")
        deaf = admin.post("/webhooks", json={**hook, "dialect": dialect, "events": []}).json["data"]["id"]
        assert admin.get(f"/webhooks/{deaf}/deliveries").json["totalCount"] == 0
    event = {"event": "invoice.paid", "data": {"invoiceId": "7", "memberId": "mem_1"}}
    assert admin.post("/events", json=event).json["data"]["memberId"] == "mem_1"
    for id_ in (hearing, everything):
        (delivery,) = admin.get(f"/webhooks/{id_}/deliveries").json["data"]
        assert delivery["type"] == "invoice.paid"
    for data, field in (
        ({}, "data"),
        ({"invoiceId": "x"}, "data.invoiceId"),
        ({"invoiceId": "7", "lines": [1]}, "data.lines.0"),
        ({"invoiceId": "7", "memberId": 7}, "data.memberId"),
        ({"invoiceId": "7", "memberId": "somebody"}, "data.memberId"),
    ):
        answer = admin.post("/events", json={"event": "invoice.paid", "data": data})
        assert code(answer) == (422, "invalid")
        assert answer.json["details"][0]["field"] == field


@pytest.mark.database("sqlite", "postgresql")
def test_a_type_of_ones_own_changes_and_goes(admin: FlaskClient) -> None:
    register(admin)
    changed = admin.patch("/event-types/invoice.paid", json={"schema": {}, "example": None})
    assert (changed.json["data"]["schema"], changed.json["data"]["examples"]) == ({}, {})
    assert changed.json["data"]["description"] == "An invoice was paid"
    assert admin.post("/events", json={"event": "invoice.paid", "data": {}}).status_code == 200
    misfit = admin.patch("/event-types/invoice.paid", json={"schema": INVOICE, "example": {}})
    assert code(misfit) == (422, "invalid")
    hook = {"name": "A", "url": "https://hooks.example/", "dialect": "standard", "events": ["invoice.paid"]}
    id_ = admin.post("/webhooks", json=hook).json["data"]["id"]
    assert code(admin.delete("/event-types/invoice.paid")) == (409, "event-type-in-use")
    admin.delete(f"/webhooks/{id_}")
    assert admin.delete("/event-types/invoice.paid").status_code == 200
    for method in ("get", "patch", "delete"):
        gone = admin.open("/event-types/invoice.paid", method=method, json={} if method == "patch" else None)
        assert code(gone) == (404, "event-type-not-found")
    assert code(admin.post("/webhooks", json=hook)) == (422, "unknown-event-type")
    actions = [each["action"] for each in admin.get("/audit-log").json["data"]]
    assert [each for each in actions if each.startswith("event_type")] == [
        "event_type.created", "event_type.updated", "event_type.deleted",
    ]  # fmt: skip


def test_names_have_a_grammar_and_owners(admin: FlaskClient) -> None:
    for name in ("invoice", "Invoice.paid", "invoice.", ".paid", "a..b", "a.b\n", "a b.c", "1a.b", "", "é.b"):
        assert code(register(admin, name=name)) == (422, "invalid"), name
    assert code(register(admin, name="a." + "b" * 99)) == (422, "invalid")
    for name in ("member.promoted", "subscription.paused", "member.plan.added"):
        assert code(register(admin, name=name)) == (422, "reserved-event-type")
    for name in ("member.created", "post.published"):
        assert code(register(admin, name=name)) == (409, "event-type-exists")
        assert code(admin.patch(f"/event-types/{name}", json={})) == (422, "reserved-event-type")
        assert code(admin.delete(f"/event-types/{name}")) == (422, "reserved-event-type")
        assert admin.get(f"/event-types/{name}").json["data"]["name"] == name
    assert register(admin).status_code == 200
    assert code(register(admin)) == (409, "event-type-exists")


@pytest.mark.database("sqlite", "postgresql")
def test_a_race_registers_a_type_once(admin: FlaskClient) -> None:
    statuses = at_once(4, lambda _: register(admin).status_code)
    assert sorted(statuses) == [200, 409, 409, 409]


def twice(levels: int) -> dict[str, Any]:
    """Definitions each of which asks twice for the next: 2^levels visits."""
    defs: dict[str, Any] = {
        f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]}
        for n in range(levels)
    }
    return {"$defs": {**defs, f"a{levels}": {}}, "$ref": "#/$defs/a0"}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


REFUSED: list[dict[str, Any]] = [
    {"type": "objct"},
    {"properties": {"a": {"type": 7}}},
    {"properties": 7},
    {"$schema": "http://json-schema.org/draft-07/schema#"},
    {"$schema": "https://evil.example/schema"},
    {"$id": "https://evil.example/"},
    {"$ref": "https://evil.example/schema.json"},
    {"$ref": "file:///etc/passwd"},
    {"$ref": "#"},
    {"$ref": "#/properties/a", "properties": {"a": {}}},
    {"$ref": "#/$defs/missing"},
    {"$ref": 7},
    {"$dynamicRef": "#a"},
    {"$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/a"}}}}},
    {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    {"properties": {"a": {"$defs": {"b": {}}}}},
    {"pattern": "(?=a)b"},
    {"pattern": r"(a)\1"},
    {"pattern": "("},
    {"pattern": "(a{1000}){1000}"},
    {"description": "x" * 16_000},
    twice(12),
    nested(30),
]  # fmt: skip


def test_schemas_that_are_too_much_are_refused(admin: FlaskClient) -> None:
    for schema in REFUSED:
        answer = register(admin, schema=schema, example=None)
        assert code(answer) == (422, "invalid-schema"), schema
        assert answer.json["details"][0]["field"].startswith("schema"), answer.json
    assert register(admin, schema=twice(5), example=None).status_code == 200
    names = {"properties": {"$id": {"type": "string"}, "$defs": {}, "$ref": {}}, "enum": [{"$ref": "x"}]}
    assert register(admin, name="a.b", schema=names, example=None).status_code == 200


@pytest.mark.database("sqlite", "postgresql")
def test_a_hungry_pattern_is_matched_in_linear_time(admin: FlaskClient) -> None:
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}}
    assert register(admin, schema=schema, example=None).status_code == 200
    answer: list[int] = []
    body = {"event": "invoice.paid", "data": {"a": "a" * 50_000 + "!"}}
    thread = threading.Thread(
        target=lambda: answer.append(admin.post("/events", json=body).status_code), daemon=True
    )
    thread.start()
    thread.join(10)
    assert answer == [422]


def test_no_schema_holds_the_process_up(admin: FlaskClient) -> None:
    """Every value is compared with hundreds of alternatives, and each that does not fit is an error."""
    choices = [{"const": number} for number in range(300)]
    schema = {"properties": {"a": {"items": {"anyOf": choices}}}}
    assert register(admin, schema=schema, example=None).status_code == 200
    for values, message in (
        ([7] * 10, None),
        (["x"] * 10, "data.a.0: "),
        (["x"] * 5_000, "data: does not fit"),
        ([7] * 5_000, None),
        (["x"] * 100_000, "data: is more than"),
        (["x" * 900_000, "x"], "data: does not fit"),
    ):
        began = time.monotonic()
        answer = admin.post("/events", json={"event": "invoice.paid", "data": {"a": values}})
        assert time.monotonic() - began < 5
        assert answer.status_code == (422 if message else 200)
        assert answer.json.get("message", "").startswith(message or "")


def test_what_is_wrong_is_told_in_few_words(admin: FlaskClient) -> None:
    schema = {"propertyNames": {"maxLength": 10}, "additionalProperties": False}
    assert register(admin, schema=schema, example=None).status_code == 200
    data = {"k" * 10_000 + str(number): 1 for number in range(30)}
    answer = admin.post("/events", json={"event": "invoice.paid", "data": data})
    assert (answer.status_code, len(answer.json["details"]) <= 20) == (422, True)
    assert len(answer.data) < 20_000


keywords = st.sampled_from(
    ["type", "properties", "items", "allOf", "$ref", "$defs", "pattern", "enum", "not", "$id", "$schema", "x"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["object", "#/$defs/x", "(", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=3),
    max_leaves=10,
)


@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=st.dictionaries(keywords, values, max_size=4))
def test_no_schema_makes_a_500(admin: FlaskClient, schema: dict[str, Any]) -> None:
    admin.delete("/event-types/invoice.paid")
    answer = register(admin, schema=schema, example=None)
    assert answer.status_code in (200, 422), (schema, answer.json)
    if answer.status_code == 200:
        published = admin.post("/events", json={"event": "invoice.paid", "data": {"x": 1}})
        assert published.status_code in (200, 422)
