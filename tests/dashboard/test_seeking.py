"""The logs of deliveries and events: by time, by id, by member; and from one to the other."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from sqlalchemy import func, select, text, update
from tests.dashboard.conftest import PASSWORD, make_operator, submit
from tests.support.browser import ARTIFACTS, accessibility_problems, overflow, tab
from tests.webhooks.support import add_endpoint

from msidp import clock, db
from msidp.communities.roles import Role
from msidp.jobs.models import Job
from msidp.webhooks import log
from msidp.webhooks.models import Delivery, Event

one_database = pytest.mark.database("sqlite")
ROOT = "/dashboard"


@pytest.fixture
def owner(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in("owner")


@pytest.fixture
def members(admin: FlaskClient, community_id: str) -> dict[str, str]:
    """Ann of two days ago and Bob of today, each told of to two webhooks."""
    for name in ("one", "two"):
        add_endpoint(community_id, f"https://{name}.example/")
    made = {}
    for name in ("ann", "bob"):
        body = {"email": f"{name}@example.com"}
        made[name] = admin.post("/members", json=body).json["data"]["id"]
        if name == "ann":
            with db.transaction() as session:
                for model in (Event, Delivery):
                    session.execute(update(model).values(created_at=model.created_at - 2 * clock.DAY))
    return made


def found(client: FlaskClient, path: str) -> set[str]:
    """The ids of what a log shows."""
    page = client.get(f"{ROOT}/{path}")
    assert page.status_code == 200, page.text
    rows = page.text[page.text.index('class="card"') :]
    return set(re.findall(r'id mono text-secondary">([^<]+)<', rows))


def test_by_time_by_id_and_by_member(owner: FlaskClient, admin: FlaskClient, members: dict[str, str]) -> None:
    listed = admin.get("/deliveries").json["data"]
    theirs = {
        name: {each["id"] for each in admin.get(f"/deliveries?member={id_}").json["data"]}
        for name, id_ in members.items()
    }
    assert [len(each) for each in theirs.values()] == [2, 2]
    assert theirs["ann"] | theirs["bob"] == {each["id"] for each in listed}
    yesterday = clock.iso(clock.now() - clock.DAY)
    for query, expected in {
        "": theirs["ann"] | theirs["bob"],
        f"?from={yesterday}": theirs["bob"],
        f"?until={yesterday[:16]}": theirs["ann"],  # without a zone: UTC
        f"?from={yesterday}&until={yesterday}": set(),
        f"?q={members['ann']}": theirs["ann"],
        "?q=BOB@example.com": theirs["bob"],
        "?q=nobody@example.com": set(),
        f"?q={listed[0]['id']}": {listed[0]["id"]},
        f"?q={listed[0]['eventId']}": theirs["ann"],
        f"?q={members['ann']}&status=pending&webhook={listed[0]['webhookId']}": {listed[0]["id"]},
        f"?q={members['ann']}&status=failed": set(),
        f"?q={members['ann']}&from={yesterday}": set(),
        "?from=soon&until=99999-01-01": theirs["ann"] | theirs["bob"],
        "?q=%F0%9F%92%A9": set(),
    }.items():
        assert found(owner, f"deliveries{query}") == expected, query
    events = {each["memberId"]: each["id"] for each in admin.get("/events").json["data"]}
    for query, expected in {
        f"?from={yesterday}": {events[members["bob"]]},
        f"?until={yesterday}": {events[members["ann"]]},
        "?q=ann@example.com&type=member.created": {events[members["ann"]]},
        f"?q={members['bob']}&type=member.deleted": set(),
        f"?q={events[members['bob']]}": {events[members["bob"]]},
        f"?q={listed[0]['id']}": set(),
    }.items():
        assert found(owner, f"events{query}") == expected, query
    assert [each["id"] for each in admin.get(f"/events?member={members['ann']}").json["data"]] == [
        events[members["ann"]]
    ]
    for path in ("deliveries?q=%00", "events?type=%00", "members?q=%00", "audit-log?target=a%00"):
        assert owner.get(f"{ROOT}/{path}").status_code == 400, path
    page = owner.get(f"{ROOT}/deliveries?q=ann@example.com&from=2020-01-01T00:00").text
    assert 'value="2020-01-01T00:00" data-utc="2020-01-01T00:00:00.000Z"' in page
    assert "q=ann%40example.com" in page  # in what refreshes it, and in the export


@one_database
def test_one_leads_to_the_other(owner: FlaskClient, admin: FlaskClient, members: dict[str, str]) -> None:
    [first, *_] = admin.get("/deliveries").json["data"]
    member = owner.get(f"{ROOT}/members/{members['ann']}").text
    for path in ("events", "deliveries"):
        assert f"{ROOT}/{path}?q={members['ann']}" in member
    assert f"{ROOT}/deliveries?q={first['eventId']}" in member
    delivery = owner.get(f"{ROOT}/deliveries/{first['id']}").text
    assert f"{ROOT}/members/{members['ann']}" in delivery
    assert f"{ROOT}/events?q={first['eventId']}" in delivery
    assert f"{ROOT}/deliveries?q={first['eventId']}" in delivery
    assert f"{ROOT}/deliveries?q={first['eventId']}" in owner.get(f"{ROOT}/events").text


@one_database
def test_what_is_retried_is_what_is_shown(
    owner: FlaskClient, admin: FlaskClient, members: dict[str, str]
) -> None:
    def begun(**fields: str) -> dict[str, object]:
        sent = submit(owner, f"{ROOT}/api-keys", f"{ROOT}/deliveries/retry", **fields)
        assert sent.status_code == 303
        with db.reading() as session:
            return dict(session.scalars(select(Job).order_by(Job.seq.desc()).limit(1)).one().arguments)

    since = {"from": "2020-01-01T00:00:00.000Z"}
    asked = begun(**since, q="ann@example.com", status="failed")
    assert asked == {"since": 1_577_836_800_000, "member": members["ann"], "status": "failed"}
    assert begun(q="evt_1") == {"event": "evt_1"}
    assert begun(q="some-delivery") == {"ids": ["some-delivery"]}
    refused = submit(owner, f"{ROOT}/api-keys", f"{ROOT}/deliveries/retry", q="nobody@example.com")
    assert (refused.status_code, "must be a member" in refused.text) == (422, True)


@one_database
def test_no_search_walks_the_log(app: Flask, admin: FlaskClient, community_id: str) -> None:
    mine = [Event.community_id == community_id, Event.type != "logout"]
    with db.reading() as session:
        wanted = [
            (Delivery, log.conditions(session, community_id, log.Wanted(**each)))
            for each in (
                {"member_id": "m"},
                {"member_id": "m", "status": "failed", "endpoint_id": "e"},
                {"event_id": "m", "endpoint_id": "e"},
                {"delivery_id": "m", "status": "failed"},
                {"since": 1, "until": 2},
                {"status": "failed"},
            )
        ]
        wanted.append((Event, [*mine, Event.member_id == "m"]))
        for model, conditions in wanted:
            asked = select(model.seq).where(*conditions).order_by(model.seq.desc()).limit(51)
            statement = asked.compile(db.db.engine, compile_kwargs={"literal_binds": True})
            plan = session.execute(text(f"EXPLAIN QUERY PLAN {statement}"))
            steps = [row.detail for row in plan]
            assert not any(step.startswith("SCAN") for step in steps), steps
            assert not any("ix_delivery_log (endpoint_id=?)" in step for step in steps), steps
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0


@one_database
def test_a_span_is_typed_in_the_readers_zone(
    browser: Browser, base_url: str, community_id: str, members: dict[str, str]
) -> None:
    make_operator(community_id, "admin", "olga@example.com")
    window = {"width": 390, "height": 900}
    with tab(browser, base_url, timezone_id="Asia/Kolkata", viewport=window) as page:
        page.goto("/dashboard/sign-in")
        page.get_by_label("Email address").fill("olga@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/dashboard")
        page.goto("/dashboard/deliveries")
        page.get_by_label("From").fill("2020-01-01T05:30")
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**/deliveries?from=2020-01-01T00%3A00%3A00.000Z")
        assert page.get_by_label("From").input_value() == "2020-01-01T05:30"
        assert accessibility_problems(page) == []
        assert overflow(page) == 0
        page.screenshot(path=ARTIFACTS / "deliveries-filtered-390.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 800})
        page.screenshot(path=ARTIFACTS / "deliveries-filtered.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 600})  # the menu is longer than the window
        page.emulate_media(color_scheme="dark")
        page.reload()  # buttons change their colours slowly
        assert accessibility_problems(page) == []
        page.get_by_role("button", name="Sign out").focus()  # and can be scrolled to its end
        box = page.get_by_role("button", name="Sign out").bounding_box()
        assert box
        assert box["y"] + box["height"] <= 600
        page.screenshot(path=ARTIFACTS / "deliveries-low.png")
