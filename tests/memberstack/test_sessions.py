"""A member session token stands for a session: what begins one, shows it, and ends it."""

import time as real_time

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from tests.accounts.mailed.support import code_in, inbox, link_in
from tests.accounts.test_abuse import post
from tests.members.support import event_types, refusal
from tests.memberstack.conftest import NewVisitor
from tests.memberstack.support import ADA, PASSWORD, Visitor

from msidp import clock
from msidp.accounts import sessions

pytestmark = pytest.mark.database("sqlite")
ANOTHER = "staple battery horse"


@pytest.mark.database("sqlite", "postgresql")
def test_what_ends_a_session_ends_its_token(
    app: Flask, visitor: Visitor, another: NewVisitor, admin: FlaskClient, base_url: str
) -> None:
    member_id = visitor.sign_up()["id"]
    others = [another() for _ in range(6)]
    for other in others:
        other.log_in()
    left, _by_an_operator, _on_a_page, *rest = others
    listed = admin.get(f"/members/{member_id}/sessions").json["data"]
    assert [session["methods"] for session in listed] == [["pwd"]] * 7

    assert left.post("/member/logout").json == {"data": {"redirect": None}}
    assert left.post("/member/logout").status_code == 200  # it is over already
    assert admin.delete(f"/members/{member_id}/sessions/{listed[2]['id']}").status_code == 200
    browser = app.test_client()
    assert post(browser, "/login", email=ADA, password=PASSWORD).status_code == 303
    assert browser.get("/account/sessions").text.count('/end"') == 6
    ending = f"/account/sessions/{listed[3]['id']}/end"
    assert browser.post(ending, data={"csrf_token": csrf(browser)}).status_code == 303
    assert [each.is_in() for each in (visitor, *others)] == [True, False, False, False, True, True, True]

    change = {"oldPassword": PASSWORD, "newPassword": ANOTHER}
    assert visitor.post("/member-auth", **change).status_code == 200
    assert [visitor.is_in(), *(each.is_in() for each in rest)] == [True, False, False, False]
    assert browser.get("/account").status_code == 303

    assert visitor.post("/auth/send-reset-password-email", email=ADA).status_code == 200
    link = link_in(inbox(base_url, ADA)[0], "/reset-password")
    reset = {"token": link.partition("token=")[2], "newPassword": PASSWORD}
    assert visitor.post("/auth/reset-password", **reset).json == {"data": {"success": True}}
    assert not visitor.is_in()
    visitor.log_in()
    assert admin.delete(f"/members/{member_id}/sessions").json == {"data": {"ended": 1}}
    assert not visitor.is_in()
    visitor.log_in()
    assert admin.delete(f"/members/{member_id}").status_code == 200
    assert not visitor.is_in()
    assert refusal(visitor.post("/member", customFields={})) == (401, "login-required")


def csrf(browser: FlaskClient) -> str:
    return browser.get("/account/sessions").text.partition('name="csrf_token" value="')[2].partition('"')[0]


def test_a_session_lasts_as_long_as_on_the_hosted_pages(visitor: Visitor, admin: FlaskClient) -> None:
    with time_machine.travel(real_time.time(), tick=False) as time:
        visitor.sign_up()
        for _ in range(4):
            time.shift((sessions.IDLE - clock.MINUTE) / clock.SECOND)
            assert visitor.is_in()
        time.shift((sessions.LIFETIME - 4 * (sessions.IDLE - clock.MINUTE)) / clock.SECOND)
        assert not visitor.is_in()
        visitor.log_in()
        time.shift((sessions.IDLE + clock.MINUTE) / clock.SECOND)
        assert not visitor.is_in()
        bad = admin.post("/members/verify-token", json={"token": visitor.token})
        assert refusal(bad) == (400, "INVALID_TOKEN")


def test_what_could_be_turned_against_the_member_takes_a_fresh_log_in(
    visitor: Visitor, base_url: str
) -> None:
    with time_machine.travel(real_time.time(), tick=False) as time:
        visitor.post("/auth/passwordless/signup/send", email=ADA)
        code = code_in(inbox(base_url, ADA)[0])
        visitor.enter("/auth/signup", email=ADA, passwordlessToken=code)
        time.shift(11 * 60)
        stale = (403, "login-required")
        assert refusal(visitor.call("DELETE", "/member")) == stale
        assert refusal(visitor.post("/member/set-password", password=PASSWORD)) == stale
        assert refusal(visitor.post("/member-auth", email="eve@example.com")) == stale
        assert refusal(visitor.post("/member-auth", newPassword=PASSWORD)) == stale
        assert visitor.post("/member", customFields={"colour": "red"}).status_code == 200

        visitor.post("/auth/passwordless/login/send", email=ADA)
        visitor.enter(
            "/auth/passwordless/login", email=ADA, passwordlessToken=code_in(inbox(base_url, ADA)[0])
        )
        assert visitor.post("/member/set-password", password=PASSWORD).status_code == 200
        time.shift(11 * 60)
        without = visitor.post("/member-auth", newPassword=ANOTHER)
        assert refusal(without) == (401, "invalid-credentials")
        proved = visitor.post("/member-auth", email="eve@example.com", oldPassword=PASSWORD)
        assert proved.json["data"]["auth"]["email"] == "eve@example.com"


def test_the_former_address_can_take_a_change_back(
    app: Flask, visitor: Visitor, admin: FlaskClient, base_url: str
) -> None:
    member_id = visitor.sign_up()["id"]
    visitor.post("/auth/send-reset-password-email", email=ADA)
    reset = link_in(inbox(base_url, ADA)[0], "/reset-password").partition("token=")[2]
    assert visitor.post("/member-auth", email="eve@example.com").status_code == 200
    assert inbox(base_url, "eve@example.com")[0]["subject"] == "Confirm your email address"
    answer = visitor.post("/auth/reset-password", token=reset, newPassword=ANOTHER)
    assert refusal(answer) == (400, "invalid-reset-code")  # mailed to the former address
    link = link_in(inbox(base_url, ADA)[0], "/keep-email").removeprefix(base_url)
    browser = app.test_client()
    form = browser.get(link).text.partition('name="csrf_token" value="')[2].partition('"')[0]
    kept = browser.post("/keep-email", data={"csrf_token": form, "token": link.partition("token=")[2]})
    assert kept.location.startswith("/reset-password?token=")
    member = admin.get(f"/members/{member_id}").json["data"]
    assert (member["auth"]["email"], member["verified"]) == (ADA, True)
    assert not visitor.is_in()


def test_what_members_change_is_told_by_webhooks(visitor: Visitor, admin: FlaskClient) -> None:
    plan = admin.post("/plans", json={"name": "Free"}).json["data"]["id"]
    visitor.sign_up(plans=[{"planId": plan}])
    visitor.log_in()
    visitor.post("/page-view")
    visitor.post("/member", customFields={"colour": "red"})
    visitor.post("/member", customFields={"colour": "red"})
    visitor.post("/member/json", json=[1])
    visitor.post("/member/plans/remove", planId=plan)
    visitor.post("/member-auth", oldPassword=PASSWORD, newPassword=ANOTHER)
    visitor.post("/member-auth", email="eve@example.com")
    visitor.call("DELETE", "/member")
    assert event_types() == [
        "member.created", "member.plan.created", "member.updated", "member.updated",
        "member.plan.canceled", "member.updated", "member.deleted",
    ]  # fmt: skip
