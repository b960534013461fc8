"""Jobs: many changes, each with its event, in slices that survive whoever makes them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.exc import DataError, OperationalError
from tests.bulk.support import ask, counts, events, make, shown
from tests.dashboard.conftest import submit
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver
from tests.support.threads import at_once
from tests.webhooks.support import add_endpoint, deliveries, happen

from msidp import clock, db
from msidp.bulk import members as bulk_members
from msidp.communities.roles import Role
from msidp.jobs import service, slices
from msidp.jobs.models import Job, JobPart
from msidp.members import connections
from msidp.members.models import Member


def test_members_that_a_search_finds_are_put_on_a_plan_and_taken_off(admin: FlaskClient) -> None:
    make(admin, 7)
    make(admin, 3, "other")
    plan = admin.post("/plans", json={"name": "Readers"}).json["data"]["id"]
    first = ask(
        admin, action="addPlan", ids=[admin.get("/members").json["data"][0]["id"], "mem_none"], planId=plan
    )
    slices.advance(60)
    assert counts(admin, first) == ("completed", 1, 0, 1)
    assert shown(admin, first)["problems"] == [
        {"subject": "mem_none", "message": "There is no member mem_none."}
    ]
    added = ask(admin, action="addPlan", search="M", planId=plan)
    make(admin, 1, "m-later")  # not there yet when it was asked for
    slices.advance(60)
    assert counts(admin, added) == ("completed", 6, 1, 0)
    assert events("member.plan.created") == 7
    assert [each["details"].get("jobId") for each in audit(admin, "member.plan_added")] == [first] + [
        added
    ] * 6
    removed = ask(admin, action="removePlan", search="", planId=plan)
    slices.advance(60)
    assert counts(admin, removed) == ("completed", 7, 4, 0)
    assert events("member.plan.canceled") == 7


def audit(admin: FlaskClient, action: str) -> list[dict[str, Any]]:
    entries = admin.get("/audit-log?limit=100").json["data"]
    return [each for each in entries if each["action"] == action]


def test_members_are_deleted_once_whoever_is_killed_or_works_beside(app: Flask, admin: FlaskClient) -> None:
    make(admin, 20)
    job_id = ask(admin, action="delete", search="")
    slices.advance(-1)  # out of time before the first slice
    with db.transaction() as session:
        service.WORK.do(session)
    assert shown(admin, job_id)["changed"] == 3
    with pytest.raises(RuntimeError), db.transaction() as session:
        service.WORK.do(session)
        raise RuntimeError  # as if killed before the commit
    assert (shown(admin, job_id)["changed"], admin.get("/members").json["totalCount"]) == (3, 17)

    def work(_number: int) -> None:
        with app.app_context():
            slices.advance(60)

    at_once(3, work)
    slices.advance(60)
    assert counts(admin, job_id) == ("completed", 20, 0, 0)
    assert (events("member.deleted"), shown(admin, job_id)["progress"]) == (20, 1)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), DataError("INSERT …", {}, ValueError("what no column holds"))]
)
def test_one_that_breaks_stops_neither_the_others_nor_the_deliveries(
    admin: FlaskClient,
    community_id: str,
    monkeypatch: pytest.MonkeyPatch,
    receiver: Receiver,
    error: Exception,
) -> None:
    ids = make(admin, 4)
    plan = admin.post("/plans", json={"name": "Readers"}).json["data"]["id"]
    add = connections.add

    def broken(session: Any, member: Member, plan_id: str) -> Any:
        found = add(session, member, plan_id)
        if member.id == ids[1]:
            raise error
        return found

    monkeypatch.setattr(connections, "add", broken)
    job_id = ask(admin, action="addPlan", ids=ids, planId=plan)
    add_endpoint(community_id, receiver.url())
    slices.advance(60)
    drain()
    assert counts(admin, job_id) == ("completed", 3, 0, 1)
    assert shown(admin, job_id)["problems"] == [{"subject": ids[1], "message": service.BROKEN}]
    assert events("member.plan.created") == 3  # that of the broken one was undone
    assert {each.status for each in deliveries()} == {"succeeded"}


def test_a_job_is_canceled_between_two_slices(admin: FlaskClient) -> None:
    make(admin, 6)
    job_id = ask(admin, action="logOut", search="")
    with db.transaction() as session:
        service.WORK.do(session)
    assert admin.post(f"/jobs/{job_id}/cancel", json={}).json["data"]["state"] == "canceled"
    slices.advance(60)
    assert counts(admin, job_id) == ("canceled", 3, 0, 0)
    again = admin.post(f"/jobs/{job_id}/cancel", json={})
    assert (again.status_code, again.json["code"]) == (409, "job-finished")
    assert admin.post("/jobs/job_none/cancel", json={}).status_code == 404
    assert [each["id"] for each in admin.get("/jobs").json["data"]] == [job_id]


def test_what_makes_no_sense_is_refused(admin: FlaskClient) -> None:
    paid = {"name": "Pro", "prices": [{"amount": 5, "currency": "eur", "interval": {"type": "MONTH"}}]}
    plan = admin.post("/plans", json=paid).json["data"]["id"]
    for body in (
        {"action": "logOut"},
        {"action": "logOut", "ids": []},
        {"action": "logOut", "ids": ["a"], "search": ""},
        {"action": "shrug", "search": ""},
        {"action": "addPlan", "search": ""},
        {"action": "delete", "search": "", "planId": plan},
        {"action": "addPlan", "search": "", "planId": plan},
        {"action": "delete", "search": "\0"},
    ):
        assert admin.post("/members/bulk", json=body).status_code in (400, 422), body
    missing = admin.post("/members/bulk", json={"action": "addPlan", "search": "", "planId": "pln_none"})
    assert (missing.status_code, missing.json["code"]) == (404, "plan-not-found")
    assert admin.get("/jobs").json["data"] == []


def test_failed_deliveries_are_retried_by_filter_and_by_id(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    bad, good = (add_endpoint(community_id, receiver.url(path)) for path in ("/bad", "/good"))
    receiver.script("/bad", *[Answer(500)] * 5, Answer(200))
    happen(community_id, 5)
    drain()
    failed = [each.id for each in deliveries(bad)]
    assert {each.status for each in deliveries(bad)} == {"failed"}
    one = admin.post("/deliveries/retry", json={"ids": [failed[0], deliveries(good)[0].id]}).json["data"]
    slices.advance(60)
    drain()
    assert counts(admin, one["id"])[1:] == (1, 0, 1)  # the other one was delivered
    assert [each.status for each in deliveries(bad)] == ["succeeded"] + ["failed"] * 4
    every = admin.post("/deliveries/retry", json={"webhook": bad, "type": "post.published"}).json["data"]
    slices.advance(60)
    drain()
    assert counts(admin, every["id"]) == ("completed", 4, 0, 0)
    assert {each.status for each in deliveries(bad)} == {"succeeded"}


@pytest.mark.database("sqlite")
def test_the_forms_begin_jobs(sign_in: Callable[[Role], FlaskClient], admin: FlaskClient) -> None:
    owner = sign_in("owner")
    ids = make(admin, 3)
    page = f"/dashboard/members/bulk?id={ids[0]}&id={ids[1]}"
    assert "2 members" in owner.get(page).text
    form: dict[str, Any] = {"id": ids[:2], "action": "delete"}
    for confirm, status in (("", 422), ("3", 422), ("2", 303)):
        assert submit(owner, page, "/dashboard/members/bulk", **form, confirm=confirm).status_code == status
    slices.advance(60)
    assert [each["id"] for each in admin.get("/members").json["data"]] == ids[2:]
    assert (
        submit(owner, page, "/dashboard/members/bulk", action="delete", q="", confirm="all").status_code
        == 303
    )
    job = owner.get("/dashboard/jobs").text
    assert "Delete: all members" in job
    for path in ("/dashboard/members/bulk?chosen=1",):
        assert owner.get(path).status_code == 303
    nothing = submit(owner, "/dashboard/members/new", "/dashboard/deliveries/retry", chosen="1")
    assert nothing.headers["Location"] == "/dashboard/deliveries"
    submit(owner, "/dashboard/members/new", "/dashboard/deliveries/retry", status="failed")
    assert admin.get("/jobs?order=DESC").json["data"][0]["kind"] == "deliveries.retry"


def test_jobs_that_are_long_over_are_forgotten(admin: FlaskClient) -> None:
    job_id = ask(admin, action="logOut", search="")
    running = ask(admin, action="logOut", search="")
    with db.transaction() as session:
        session.execute(
            update(Job).where(Job.id == job_id).values(finished_at=clock.now(), state="completed")
        )
        session.add(JobPart(job_id=job_id, number=1, records="[]"))
    with db.transaction() as session:
        assert service.purge(session, clock.now()) == 0
        assert service.purge(session, clock.now() + 2 * clock.DAY) == 1  # its file
        assert service.purge(session, clock.now() + service.KEPT + clock.DAY) == 1
        assert session.scalars(select(Job.id)).all() == [running]


def test_one_change_that_the_database_never_takes_ends(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the moment holds the slice up; one that comes each time is its own change's."""
    poisonous, passing, second, *_ = make(admin, 5)
    refused = {poisonous: 100, passing: 1, second: 100}
    log_out = bulk_members.ACTIONS["logOut"]

    def refuse(session: Any, job: Job, member_id: str) -> bool:
        if refused.get(member_id):
            refused[member_id] -= 1
            raise OperationalError("UPDATE …", {}, Exception("the server refuses this row"))
        return log_out(session, job, member_id)

    monkeypatch.setitem(bulk_members.ACTIONS, "logOut", refuse)
    job_id = ask(admin, action="logOut", search="")
    for _ in range(8):
        slices.advance(60)
    assert counts(admin, job_id)[0] == "completed"
    found = shown(admin, job_id)
    assert (found["examined"], found["failed"]) == (5, 2)
    assert [problem["subject"] for problem in found["problems"]] == [poisonous, second]
