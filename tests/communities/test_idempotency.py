"""POSTs under an Idempotency-Key are done once, whoever races."""

from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.support.threads import at_once
from werkzeug.test import TestResponse

from msidp import clock, db
from msidp.communities import answers
from msidp.communities import service as communities
from msidp.communities.models import IdempotencyRecord
from msidp.webhooks.models import Event

ANN = {"email": "ann@example.com"}


def post(admin: FlaskClient, key: str, body: Any, path: str = "/members") -> TestResponse:
    return admin.post(path, json=body, headers={"Idempotency-Key": key})


def records() -> list[IdempotencyRecord]:
    with db.reading() as session:
        return list(session.scalars(select(IdempotencyRecord)))


def event_types() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Event.type).order_by(Event.seq)))


def test_a_repetition_is_answered_and_not_done(admin: FlaskClient) -> None:
    first, second = post(admin, "one", ANN), post(admin, "one", ANN)
    assert (first.status_code, first.data, first.content_type) == (
        second.status_code, second.data, second.content_type,
    )  # fmt: skip
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert event_types() == ["member.created"]


def test_an_answer_that_is_not_json_is_repeated_as_it_was(admin: FlaskClient) -> None:
    member = post(admin, "one", ANN).json["data"]
    plan = post(admin, "two", {"name": "Gold"}, "/plans").json["data"]
    path = f"/members/{member['id']}/add-plan"
    for _ in range(2):
        answer = post(admin, "three", {"planId": plan["id"]}, path)
        assert (answer.status_code, answer.data, answer.mimetype) == (200, b"OK", "text/plain")


def test_a_key_names_one_request(admin: FlaskClient) -> None:
    post(admin, "one", ANN)
    for path, body in (
        ("/members", {"email": "bob@example.com"}),
        ("/members?includeJSON=true", ANN),
        ("/plans", {"name": "Gold"}),
    ):
        answer = post(admin, "one", body, path)
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key-reused")
    assert event_types() == ["member.created"]


def test_another_api_key_has_keys_of_its_own(app: Flask, admin: FlaskClient, community_id: str) -> None:
    post(admin, "one", ANN)
    with db.transaction() as session:
        other = communities.create_api_key(session, community_id, "other").secret_key
    answer = app.test_client().post(
        "/members", json=ANN, headers={"Idempotency-Key": "one", "X-API-KEY": other}
    )
    assert (answer.status_code, answer.json["code"]) == (409, "email-already-in-use")


def test_a_failure_is_not_kept(admin: FlaskClient) -> None:
    member = post(admin, "other", ANN).json["data"]
    assert post(admin, "one", ANN).status_code == 409
    admin.delete(f"/members/{member['id']}")
    assert post(admin, "one", ANN).status_code == 200


def test_only_posts_listen_to_the_key(admin: FlaskClient) -> None:
    path = f"/members/{post(admin, 'one', ANN).json['data']['id']}"
    headers = {"Idempotency-Key": "one"}
    assert admin.patch(path, json={"verified": True}, headers=headers).json["data"]["verified"] is True
    assert admin.get(path, headers=headers).status_code == 200


def test_odd_keys(admin: FlaskClient) -> None:
    for key in ("", " ", "x" * 256, "é", "a\tb"):
        answer = post(admin, key, ANN)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid-idempotency-key")
    for number, key in enumerate(("x" * 255, "a b", '"quoted"')):
        for _ in range(2):
            assert post(admin, key, {"email": f"{number}@example.com"}).status_code == 200


def test_the_answer_is_sealed_at_rest(admin: FlaskClient) -> None:
    post(admin, "one", ANN)
    [record] = records()
    assert "ann" not in record.body


def test_a_secret_that_is_shown_once_is_repeated(admin: FlaskClient) -> None:
    body = {"name": "ours", "url": "https://hooks.example.com/", "dialect": "standard"}
    first, second = (post(admin, "one", body, "/webhooks").json["data"] for _ in range(2))
    assert first == second
    assert first["secret"].startswith("whsec_")
    [record] = records()
    assert first["secret"] not in record.body


def test_answers_are_forgotten_after_a_day(admin: FlaskClient) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        post(admin, "old", ANN)
    with time_machine.travel("2026-01-01T12:00:00Z", tick=False):
        post(admin, "new", {"email": "bob@example.com"})
    with time_machine.travel("2026-01-02T00:00:01Z", tick=False), db.transaction() as session:
        assert answers.purge_expired(session, clock.now()) == 1
    assert [record.key for record in records()] == ["new"]


@pytest.mark.parametrize("count", [8])
def test_of_many_at_once_one_is_done(app: Flask, admin: FlaskClient, count: int) -> None:
    """The same request from many threads: one member, one event, and the same answer for all."""
    found = at_once(count, lambda _: _answer(app, admin, "one", ANN))
    assert {status for status, _, _ in found} == {200}
    assert len({body for _, body, _ in found}) == 1
    assert sorted(replayed for _, _, replayed in found) == [False] + [True] * (count - 1)
    assert event_types() == ["member.created"]


@pytest.mark.parametrize("count", [6])
def test_of_different_requests_at_once_one_is_done(app: Flask, admin: FlaskClient, count: int) -> None:
    found = at_once(count, lambda n: _answer(app, admin, "one", {"email": f"m{n}@example.com"}))
    assert sorted(status for status, _, _ in found) == [200] + [422] * (count - 1)
    assert event_types() == ["member.created"]


@pytest.mark.parametrize("count", [6])
def test_one_address_at_once_without_keys_makes_one_member(
    app: Flask, admin: FlaskClient, count: int
) -> None:
    found = at_once(count, lambda _: _answer(app, admin, None, ANN))
    assert sorted(status for status, _, _ in found) == [200] + [409] * (count - 1)
    assert event_types() == ["member.created"]


def _answer(app: Flask, admin: FlaskClient, key: str | None, body: dict[str, Any]) -> tuple[int, bytes, bool]:
    headers = {"X-API-KEY": admin.environ_base["HTTP_X_API_KEY"]}
    if key is not None:
        headers["Idempotency-Key"] = key
    answer = app.test_client().post("/members", json=body, headers=headers)
    return answer.status_code, answer.data, "Idempotent-Replayed" in answer.headers
