"""Webhooks over the Admin API."""

import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import update
from tests.webhooks.calls import HOOK, create, deliveries, publish, refusal, row

from msidp import clock, db, ids
from msidp.communities import service as communities
from msidp.communities.models import Community
from msidp.vault.fields import cipher
from msidp.webhooks.models import WebhookEndpoint
from msidp.webhooks.secrets import open_secrets


@pytest.fixture
def foreign_key(app: Flask) -> str:
    """A secret key of another community."""
    with db.transaction() as session:
        other = Community(
            id=ids.new_guid(), app_id="app_o", public_key="pk_o", name="O", created_at=clock.now()
        )
        session.add(other)
        session.flush()
        return communities.create_api_key(session, other.id, "other").secret_key


def test_a_webhook_is_shown_with_its_secret_once(admin: FlaskClient) -> None:
    made = create(admin, events=["member.joined", "member.joined"], headers={"X-Token": "t"})
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert "_" not in secret.removeprefix("whsec_")
    assert made == {
        "id": made["id"],
        "name": "Shop",
        "url": "https://hooks.example/msidp",
        "dialect": "memberpad",
        "events": ["member.joined"],
        "headers": {"X-Token": "t"},
        "rateLimit": None,
        "planEvent": "member.plan.created",
        "v1a": False,
        "enabled": True,
        "disabledReason": None,
        "failingSince": None,
        "previousSecretExpiresAt": None,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
    }
    assert admin.get(f"/webhooks/{made['id']}").json == {"data": made}
    assert admin.get("/webhooks").json == {
        "totalCount": 1, "endCursor": 1, "hasNextPage": False, "data": [made],
    }  # fmt: skip
    stored = row(made["id"])
    assert secret not in stored.secret
    assert cipher().open(stored.secret, f"webhook_endpoint:{made['id']}") == secret


def test_a_webhook_tells_since_when_it_fails(admin: FlaskClient) -> None:
    made = create(admin)
    with db.transaction() as session:
        session.execute(update(WebhookEndpoint).values(failing_since=clock.now() - clock.DAY))
    told = admin.get(f"/webhooks/{made['id']}").json["data"]
    assert 0 <= clock.now() - clock.DAY - clock.parse_iso(told["failingSince"]) < clock.MINUTE
    (listed,) = admin.get("/webhooks").json["data"]
    assert listed == told


OWN = f"whsec_{'/' * 31}+"  # 24 bytes


def test_a_secret_may_be_brought_along(admin: FlaskClient) -> None:
    for own in (OWN, f"whsec_{'A' * 86}=="):
        made = create(admin, secret=own)
        assert made["secret"] == own
        assert cipher().open(row(made["id"]).secret, f"webhook_endpoint:{made['id']}") == own
        assert "secret" not in admin.get(f"/webhooks/{made['id']}").json["data"]
    rotated = admin.post(f"/webhooks/{made['id']}/rotate-secret").json["data"]["secret"]
    assert rotated not in (OWN, made["secret"])


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ""}, "invalid", "name"),
    ({"name": "\ud800"}, "invalid-json", ""),
    ({"name": None}, "invalid", "name"),
    ({"url": "http://203.0.113.9/x"}, "invalid-url", "url"),
    ({"url": "https://169.254.169.254/latest"}, "invalid-url", "url"),
    ({"url": "https://user:pw@hooks.example/"}, "invalid-url", "url"),
    ({"url": "ftp://hooks.example/"}, "invalid-url", "url"),
    ({"url": "https://hooks.example/#x"}, "invalid-url", "url"),
    ({"url": "https://hooks.example:22/"}, "invalid-url", "url"),
    ({"url": "https://hooks.example/" + "a" * 2048}, "invalid", "url"),
    ({"url": "https://[::1"}, "invalid-url", "url"),
    ({"url": ""}, "invalid-url", "url"),
    ({"url": 7}, "invalid", "url"),
    ({"dialect": "slack"}, "invalid", "dialect"),
    ({"dialect": None}, "invalid", "dialect"),
    ({"events": ["member.created"]}, "unknown-event-type", "events"),
    ({"events": ["ping"]}, "unknown-event-type", "events"),
    ({"events": ["nothing.happened"]}, "unknown-event-type", "events"),
    ({"events": "member.joined"}, "invalid", "events"),
    ({"events": [7]}, "invalid", "events.0"),
    ({"events": ["member.joined"] * 101}, "invalid", "events"),
    ({"dialect": "memberstack", "events": ["member.joined"]}, "unknown-event-type", "events"),
    ({"dialect": "standard", "events": ["member.joined"]}, "unknown-event-type", "events"),
    ({"headers": {"X-A": "a\r\nX-B: b"}}, "invalid", "headers"),
    ({"headers": {"X-A\r\n": "a"}}, "invalid", "headers"),
    ({"headers": {"X A": "a"}}, "invalid", "headers"),
    ({"headers": {"": "a"}}, "invalid", "headers"),
    ({"headers": {"X-A": ""}}, "invalid", "headers"),
    ({"headers": {"X-A": " a"}}, "invalid", "headers"),
    ({"headers": {"X-A": "\u00e9"}}, "invalid", "headers"),
    ({"headers": {"X-A": "a" * 1025}}, "invalid", "headers"),
    ({"headers": {"X-" + "A" * 63: "a"}}, "invalid", "headers"),
    ({"headers": {"X-A": "a", "x-a": "b"}}, "invalid", "headers"),
    ({"headers": {f"X-{number}": "a" for number in range(21)}}, "invalid", "headers"),
    ({"headers": {"Host": "a"}}, "invalid", "headers"),
    ({"headers": {"content-length": "1"}}, "invalid", "headers"),
    ({"headers": {"Transfer-Encoding": "chunked"}}, "invalid", "headers"),
    ({"headers": {"Webhook-Signature": "v1,x"}}, "invalid", "headers"),
    ({"headers": {"svix-id": "x"}}, "invalid", "headers"),
    ({"headers": {"X-MemberPad-Event": "x"}}, "invalid", "headers"),
    ({"headers": {"X-A": 7}}, "invalid", "headers.X-A"),
    ({"headers": ["X-A"]}, "invalid", "headers"),
    ({"rateLimit": 0}, "invalid", "rateLimit"),
    ({"rateLimit": 10_001}, "invalid", "rateLimit"),
    ({"rateLimit": 1.5}, "invalid", "rateLimit"),
    ({"rateLimit": True}, "invalid", "rateLimit"),
    ({"secret": "whsec_mine"}, "invalid", "secret"),
    ({"secret": ""}, "invalid", "secret"),
    ({"secret": OWN.removeprefix("whsec_")}, "invalid", "secret"),
    ({"secret": OWN.replace("whsec_", "whsk_")}, "invalid", "secret"),
    ({"secret": OWN + "\n"}, "invalid", "secret"),
    ({"secret": OWN + "\u00e9"}, "invalid", "secret"),
    ({"secret": f"whsec_{'A' * 31}="}, "invalid", "secret"),  # 23 bytes
    ({"secret": f"whsec_{'A' * 87}="}, "invalid", "secret"),  # 65 bytes
    ({"secret": f"whsec_{'A' * 33}B=="}, "invalid", "secret"),  # another way to write 25 bytes
]


def test_what_does_not_fit_is_refused_and_named(admin: FlaskClient) -> None:
    for fields, code, field in REFUSED:
        answer = admin.post("/webhooks", json={**HOOK, **fields})
        assert refusal(answer) == (400 if code == "invalid-json" else 422, code), (fields, answer.json)
        if field:
            detail = answer.json["details"][0]
            assert detail["field"] == field, answer.json
            assert not detail["message"].startswith(f"{field}:"), answer.json
    for missing in HOOK:
        body = {name: value for name, value in HOOK.items() if name != missing}
        assert refusal(admin.post("/webhooks", json=body)) == (422, "invalid")
    assert admin.get("/webhooks").json["totalCount"] == 0


def test_changes_replace_what_is_sent_and_leave_the_rest(admin: FlaskClient) -> None:
    made = create(admin, events=["member.role_changed"], headers={"X-A": "a"})
    path = f"/webhooks/{made['id']}"
    answer = admin.patch(path, json={"name": "Store", "headers": {"X-B": "b"}})
    assert answer.status_code == 200
    changed = answer.json["data"]
    assert (changed["name"], changed["headers"], changed["events"]) == (
        "Store", {"X-B": "b"}, ["member.role_changed"],
    )  # fmt: skip
    assert "secret" not in changed
    assert admin.get(path).json["data"] == changed
    assert admin.patch(path, json={}).status_code == 200
    for fields, code, _ in REFUSED:
        if "dialect" not in fields or len(fields) > 1:
            assert admin.patch(path, json=fields).json["code"] == code, fields
    now = admin.get(path).json["data"]
    assert {**now, "updatedAt": ""} == {**changed, "updatedAt": ""}


def test_a_rate_limit_comes_and_goes(admin: FlaskClient) -> None:
    made = create(admin, rateLimit=10)
    assert made["rateLimit"] == 10
    path = f"/webhooks/{made['id']}"
    for value in (10_000, None):
        assert admin.patch(path, json={"rateLimit": value}).json["data"]["rateLimit"] == value
        assert admin.get(path).json["data"]["rateLimit"] == value


def test_a_new_dialect_needs_events_of_its_own(admin: FlaskClient) -> None:
    path = f"/webhooks/{create(admin, events=['member.joined'])['id']}"
    answer = admin.patch(path, json={"dialect": "memberstack"})
    assert refusal(answer) == (422, "unknown-event-type")
    answer = admin.patch(path, json={"dialect": "memberstack", "events": ["member.created"]})
    assert (answer.json["data"]["dialect"], answer.json["data"]["events"]) == (
        "memberstack", ["member.created"],
    )  # fmt: skip
    assert admin.patch(path, json={"dialect": "standard"}).status_code == 200


def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(admin: FlaskClient) -> None:
    made = create(admin)
    before = clock.now()
    rotated = admin.post(f"/webhooks/{made['id']}/rotate-secret").json["data"]
    assert rotated["secret"] != made["secret"]
    stored = row(made["id"])
    ends = stored.previous_secret_expires_at
    assert ends is not None
    assert before + clock.DAY <= ends <= clock.now() + clock.DAY
    assert rotated["previousSecretExpiresAt"] == clock.iso(ends)
    sealed = (stored.id, stored.secret, stored.previous_secret, ends)
    assert open_secrets(*sealed, ends - 1) == (rotated["secret"], made["secret"])
    assert open_secrets(*sealed, ends) == (rotated["secret"],)
    third = admin.post(f"/webhooks/{made['id']}/rotate-secret").json["data"]["secret"]
    stored = row(made["id"])
    sealed = (stored.id, stored.secret, stored.previous_secret, stored.previous_secret_expires_at)
    assert open_secrets(*sealed, clock.now()) == (third, rotated["secret"])


def test_a_rotation_that_is_sent_twice_rotates_once(admin: FlaskClient) -> None:
    made = create(admin)
    answers = [
        admin.post(f"/webhooks/{made['id']}/rotate-secret", headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    assert answers[0].json == answers[1].json


def test_other_communities_see_nothing(
    admin: FlaskClient, client: FlaskClient, foreign_key: str, community_id: str
) -> None:
    made = create(admin)
    publish(community_id)
    delivery_id = deliveries(admin, made["id"])[0]["id"]
    headers = {"X-API-KEY": foreign_key}
    for method, rest in (
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test"),
        ("POST", "/rotate-secret"),
    ):  # fmt: skip
        answer = client.open(f"/webhooks/{made['id']}{rest}", method=method, headers=headers)
        assert refusal(answer) == (404, "webhook-not-found")
    for answer in (
        client.get(f"/deliveries/{delivery_id}", headers=headers),
        client.post(f"/deliveries/{delivery_id}/retry", headers=headers),
    ):
        assert refusal(answer) == (404, "delivery-not-found")
    for path in ("/webhooks", "/events"):
        assert client.get(path, headers=headers).json["totalCount"] == 0
    assert row(made["id"]).enabled


def test_unknown_ids_are_404_and_a_key_is_needed(admin: FlaskClient, client: FlaskClient) -> None:
    for path in (
        "/webhooks/whk_no",
        "/webhooks/%00",
        "/webhooks/%ED%A0%80",
        "/deliveries/no",
        "/deliveries/%00",
    ):
        assert admin.get(path).status_code == 404
    for path in ("/webhooks", "/webhooks/x", "/deliveries/x", "/events", "/event-types"):
        assert refusal(client.get(path)) == (401, "unauthorized")


def test_a_community_has_25_webhooks_at_most(admin: FlaskClient) -> None:
    made = [create(admin)["id"] for _ in range(25)]
    assert refusal(admin.post("/webhooks", json=HOOK)) == (409, "too-many-webhooks")
    admin.delete(f"/webhooks/{made[0]}")
    create(admin)


def test_two_who_register_at_once_cannot_both_be_the_last(admin: FlaskClient, app: Flask) -> None:
    for _ in range(23):
        create(admin)
    start = threading.Barrier(8)
    statuses = []

    def register() -> None:
        start.wait()
        statuses.append(admin.post("/webhooks", json=HOOK).status_code)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 2 + [409] * 6
    assert admin.get("/webhooks").json["totalCount"] == 25


def test_each_change_is_in_the_audit_log(admin: FlaskClient) -> None:
    made = create(admin)
    path = f"/webhooks/{made['id']}"
    admin.patch(path, json={"name": "Store"})
    admin.post(f"{path}/rotate-secret")
    admin.post(f"{path}/test")
    admin.delete(path)
    entries = admin.get("/audit-log").json["data"]
    assert [entry["action"].removeprefix("webhook.") for entry in entries] == [
        "created", "updated", "secret_rotated", "tested", "deleted",
    ]  # fmt: skip
    assert {entry["targetId"] for entry in entries} == {made["id"]}
    assert "whsec_" not in str(entries)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    fields=st.dictionaries(
        st.sampled_from(["name", "url", "dialect", "events", "headers", "enabled", "rateLimit"]), anything
    ),
    url=st.text(max_size=30),
)
def test_nothing_that_is_sent_makes_a_500(admin: FlaskClient, fields: dict[str, Any], url: str) -> None:
    for body in ({**HOOK, **fields}, {**HOOK, "url": url}, {**HOOK, "url": "https://" + url}):
        answer = admin.post("/webhooks", json=body)
        assert answer.status_code in (200, 400, 409, 422), (body, answer.json)
        if answer.status_code == 200:
            admin.delete(f"/webhooks/{answer.json['data']['id']}")
