"""Webhooks on the dashboard: their options, replays, what attempts tell, logout tokens of an application."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.dashboard.conftest import submit
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import happen

from msidp import db
from msidp.communities.roles import Role
from msidp.webhooks import logout, throttle

pytestmark = pytest.mark.database("sqlite")

ROOT = "/dashboard"


@pytest.fixture
def owner(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in("owner")


def make_webhook(owner: FlaskClient, admin: FlaskClient, url: str, dialect: str, **fields: str) -> str:
    """Returns its id."""
    new = f"{ROOT}/webhooks/new?dialect={dialect}"
    form = {"name": "Mine", "dialect": dialect, "url": url, **fields}
    answer = submit(owner, new, f"{ROOT}/webhooks", **form)
    assert answer.status_code == 200, answer.text
    return str(admin.get("/webhooks?order=DESC").json["data"][0]["id"])


def actions(admin: FlaskClient) -> list[str]:
    return [each["action"] for each in admin.get("/audit-log").json["data"]]


@pytest.mark.database("sqlite", "postgresql")
def test_the_name_of_a_new_plan_and_the_open_key_are_options(owner: FlaskClient, admin: FlaskClient) -> None:
    chosen = {"subscribe": "some", "events": "member.plan.created", "plan_event": "member.plan.added"}
    id_ = make_webhook(owner, admin, "https://example.com/a", "memberstack", v1a="1", **chosen)
    seen = admin.get(f"/webhooks/{id_}").json["data"]
    assert (seen["v1a"], seen["planEvent"], seen["events"]) == (
        True,
        "member.plan.added",
        ["member.plan.added"],
    )
    page = f"{ROOT}/webhooks/{id_}"
    assert 'value="member.plan.created" checked' in owner.get(page).text
    # What the page shows, sent back, changes nothing.
    form = {"name": "Mine", "url": "https://example.com/a", "v1a": "1", **chosen}
    assert submit(owner, page, page, **form).status_code == 303
    again = admin.get(f"/webhooks/{id_}").json["data"]
    assert {**again, "updatedAt": ""} == {**seen, "updatedAt": ""}
    form |= {"plan_event": "member.plan.created", "v1a": ""}
    assert submit(owner, page, page, **form).status_code == 303
    last = admin.get(f"/webhooks/{id_}").json["data"]
    assert (last["v1a"], last["planEvent"], last["events"]) == (
        False,
        "member.plan.created",
        ["member.plan.created"],
    )


def test_what_failed_is_replayed_with_its_progress_shown(
    owner: FlaskClient, admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    id_ = make_webhook(owner, admin, receiver.url(), "standard")
    page = f"{ROOT}/webhooks/{id_}"
    receiver.script("/hook", Answer(500), Answer(200))
    happen(community_id)
    drain()
    form = {"since": "2020-01-01T00:00", "status": "failed"}
    assert submit(owner, page, f"{page}/replay", **form).headers["Location"] == f"{page}#replays"
    shown = owner.get(page).text
    assert "0 events looked at" in shown
    assert "every 2s" in shown
    second = submit(owner, page, f"{page}/replay", **form)
    assert (second.status_code, "is running" in second.text) == (409, True)
    assert 'value="2020-01-01T00:00"' in second.text
    drain()
    shown = owner.get(page).text
    assert "1 events looked at, 1 delivered again, 0 of them not settled yet" in shown
    assert "every 2s" not in shown
    made = admin.get("/deliveries?order=DESC").json["data"][0]
    assert made["replayId"] in owner.get(f"{ROOT}/deliveries/{made['id']}").text
    assert "webhook.replayed" in actions(admin)


def test_a_replay_is_canceled_once_and_wrong_moments_are_said_in_place(
    owner: FlaskClient, admin: FlaskClient, receiver: Receiver
) -> None:
    id_ = make_webhook(owner, admin, receiver.url(), "standard")
    page = f"{ROOT}/webhooks/{id_}"
    wrong = submit(owner, page, f"{page}/replay", since="yesterday")
    assert (wrong.status_code, 'id="since-error"' in wrong.text) == (422, True)
    assert submit(owner, page, f"{page}/replay", since="").status_code == 422
    assert submit(owner, page, f"{page}/replay", since="2020-01-01T00:00:05").status_code == 303
    replay_id = admin.get(f"/webhooks/{id_}/replays").json["data"][0]["id"]
    for _ in range(2):  # a page that is open elsewhere may press again
        assert submit(owner, page, f"{ROOT}/replays/{replay_id}/cancel").status_code == 303
    assert admin.get(f"/replays/{replay_id}").json["data"]["state"] == "canceled"
    assert actions(admin).count("replay.canceled") == 1


def test_an_attempt_tells_how_long_its_phases_took(
    owner: FlaskClient, admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    make_webhook(owner, admin, receiver.url(), "standard")
    happen(community_id)
    drain()
    delivery = admin.get("/deliveries").json["data"][0]["id"]
    shown = owner.get(f"{ROOT}/deliveries/{delivery}").text
    assert "connected" in shown
    assert "first byte after" in shown


def test_the_page_that_refreshes_itself_gains_the_button_to_retry(
    owner: FlaskClient, admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    make_webhook(owner, admin, receiver.url(), "standard")
    receiver.script("/hook", Answer(500))
    happen(community_id)
    page = f"{ROOT}/deliveries/{admin.get('/deliveries').json['data'][0]['id']}"

    def button() -> bool:
        (part,) = re.findall(r'<div id="retry">(.*?)</div>', owner.get(page).text, re.DOTALL)
        return "Retry now" in part

    assert 'hx-select-oob="#retry"' in owner.get(page).text
    assert not button()
    drain()
    assert button()


@pytest.mark.database("sqlite", "postgresql")
def test_the_log_is_narrowed_by_type(owner: FlaskClient, admin: FlaskClient, receiver: Receiver) -> None:
    for dialect in ("memberpad", "standard"):
        make_webhook(owner, admin, receiver.url(), dialect)
    admin.post("/members", json={"email": "ann@example.com"})
    joined, created = (each["id"] for each in admin.get("/deliveries").json["data"])
    shown = owner.get(f"{ROOT}/deliveries?type=member.joined").text
    assert (joined in shown, created in shown) == (True, False)
    assert created in owner.get(f"{ROOT}/deliveries?type=none.such").text


@pytest.mark.database("sqlite", "postgresql")
def test_an_application_shows_its_logout_tokens(
    owner: FlaskClient, admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    body = {"name": "Notes", "type": "web", "redirectUris": ["https://a.example/cb"]}
    made = admin.post("/applications", json={**body, "backchannelLogoutUri": receiver.url()}).json["data"]
    page = f"{ROOT}/applications/{made['id']}"
    assert "None sent yet" in owner.get(page).text
    notice = logout.Notice(made["id"], "Notes", receiver.url(), "ses_1", "mem_1", made["clientId"], "RS256")
    with db.transaction() as session:
        logout.record(session, community_id, "mem_1", [notice])
    delivery = admin.get("/deliveries").json["data"][0]["id"]
    assert f"{ROOT}/deliveries/{delivery}" in owner.get(page).text
    assert delivery in owner.get(f"{ROOT}/deliveries?webhook={made['id']}&type=logout").text


def test_the_dashboard_is_no_way_around_the_limits(
    app: Flask, owner: FlaskClient, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "LIMITS", {"register": 2, "test": 1})
    id_ = make_webhook(owner, admin, "https://example.com/a", "standard")
    page = f"{ROOT}/webhooks/{id_}"
    assert submit(owner, page, f"{page}/test").status_code == 303
    assert submit(owner, page, f"{page}/test").status_code == 429
    form = {"name": "Mine", "url": "https://example.com/b"}
    assert submit(owner, page, page, **form).status_code == 303
    assert submit(owner, page, page, **form).status_code == 303  # the same address is no new target
    refused = submit(owner, page, page, **{**form, "url": "https://example.com/c"})
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    assert submit(owner, page, f"{ROOT}/webhooks", **form, dialect="standard").status_code == 429
