"""AdminClient against a scripted server: what is on the wire, retries, errors."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.ports import free_port
from tests.support.scripted import Asked, Reply, ScriptedServer

from msidp.admin import (
    AdminClient,
    ApiError,
    Conflict,
    InvalidRequest,
    Member,
    NotFound,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)

CONNECTION = {
    "id": "con_1",
    "active": True,
    "status": "ACTIVE",
    "planId": "pln_1",
    "planName": "Pro",
    "type": "SUBSCRIPTION",
    "payment": {
        "amount": 9.5,
        "currency": "eur",
        "status": "PAID",
        "priceId": "prc_1",
        "nextBillingDate": 1774708200,
    },
}
MEMBER = {
    "id": "mem_1",
    "auth": {"email": "jörg@example.com", "hasPassword": True, "providers": []},
    "verified": True,
    "role": "member",
    "profile": {"name": "Jörg"},
    "profileImage": None,
    "loginRedirect": "/home",
    "createdAt": "2026-03-28T14:30:00.123Z",
    "lastLogin": None,
    "metaData": {"a": 1},
    "customFields": {"b": "c"},
    "permissions": ["read"],
    "planConnections": [CONNECTION],
    "somethingNew": 7,
}


@pytest.fixture
def sdk(server: ScriptedServer) -> AdminClient:
    server.answer = lambda _asked: Reply({"data": MEMBER})
    return AdminClient("sk_secret", server.url + "/", timeout=2)


def test_a_member(sdk: AdminClient, server: ScriptedServer) -> None:
    member = sdk.get_member("jörg+x@example.com")
    assert server.asked[0].path == "/members/j%C3%B6rg%2Bx%40example.com"
    assert server.asked[0].headers["x-api-key"] == "sk_secret"
    assert member is not None
    assert (member.id, member.email, member.verified, member.has_password) == (
        "mem_1", "jörg@example.com", True, True,
    )  # fmt: skip
    assert member.created_at == datetime(2026, 3, 28, 14, 30, 0, 123000, UTC)
    assert member.last_login is None
    assert (member.role, member.profile) == ("member", {"name": "Jörg"})
    assert (member.custom_fields, member.meta_data, member.json) == ({"b": "c"}, {"a": 1}, None)
    assert member.has_plan("pln_1")
    assert not member.has_plan("pln_2")
    payment = member.plan_connections[0].payment
    assert payment is not None
    assert (payment.amount, payment.currency, payment.last_billing_date) == (9.5, "eur", None)
    assert payment.next_billing_date == datetime(2026, 3, 28, 14, 30, tzinfo=UTC)
    assert member.raw["somethingNew"] == 7
    assert {member, Member.from_json(MEMBER)} == {member}


def test_nobody(sdk: AdminClient, server: ScriptedServer) -> None:
    server.answer = lambda _asked: Reply({"data": None})
    assert sdk.get_member("mem_2") is None


def test_json_is_asked_for(sdk: AdminClient, server: ScriptedServer) -> None:
    server.answer = lambda _asked: Reply({"data": {**MEMBER, "json": [1]}})
    member = sdk.get_member("mem_1", include_json=True)
    assert member is not None
    assert member.json == [1]
    assert server.asked[0].path == "/members/mem_1?includeJSON=true"


def test_pages_are_asked_for_when_needed(sdk: AdminClient, server: ScriptedServer) -> None:
    def page(asked: Asked) -> Reply:
        first = "after" not in asked.path
        members = [{**MEMBER, "id": f"mem_{number}"} for number in ((1, 2) if first else (3,))]
        return Reply({"totalCount": 3, "endCursor": 2 if first else 3, "hasNextPage": first, "data": members})

    server.answer = page
    members = sdk.list_members(order="DESC", page_size=2)
    assert next(members).id == "mem_1"
    assert next(members).id == "mem_2"
    assert [asked.path for asked in server.asked] == ["/members?first=2&order=DESC"]
    assert [member.id for member in members] == ["mem_3"]
    assert server.asked[1].path == "/members?first=2&order=DESC&after=2"


FULL = {
    "email": "x@y.z",
    "verified": True,
    "role": "admin",
    "profile": {"name": "J"},
    "profileImage": "https://x/y.png",
    "customFields": {"a": None},
    "metaData": {"b": 2},
    "json": None,
    "loginRedirect": "/x",
}


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda sdk: sdk.create_member("x@y.z"), "POST", "/members", {"email": "x@y.z"}),
        (
            lambda sdk: sdk.create_member(
                email="x@y.z",
                password="pass word",
                plans=["pln_1"],
                verified=True,
                role="admin",
                profile={"name": "J"},
                profile_image="https://x/y.png",
                custom_fields={"a": None},
                meta_data={"b": 2},
                json=None,
                login_redirect="/x",
            ),
            "POST",
            "/members",
            {**FULL, "password": "pass word", "plans": [{"planId": "pln_1"}]},
        ),
        (lambda sdk: sdk.update_member("mem_1"), "PATCH", "/members/mem_1", {}),
        (
            lambda sdk: sdk.update_member(
                "mem_1",
                email="x@y.z",
                verified=True,
                role="admin",
                profile={"name": "J"},
                profile_image=None,
                custom_fields={"a": None},
                meta_data={"b": 2},
                json=None,
                login_redirect=None,
            ),
            "PATCH",
            "/members/mem_1",
            {**FULL, "loginRedirect": None, "profileImage": None},
        ),
        (lambda sdk: sdk.delete_member("mem_1"), "DELETE", "/members/mem_1", None),
        (lambda sdk: sdk.add_plan("m", "pln_1"), "POST", "/members/m/add-plan", {"planId": "pln_1"}),
        (lambda sdk: sdk.remove_plan("m", "pln_1"), "POST", "/members/m/remove-plan", {"planId": "pln_1"}),
    ],
)
def test_changes_on_the_wire(
    sdk: AdminClient, server: ScriptedServer, call: Any, method: str, path: str, body: Any
) -> None:
    if "-plan" in path:
        server.answer = lambda _asked: Reply(b"OK")
    call(sdk)
    (asked,) = server.asked
    assert (asked.method, asked.path) == (method, path)
    assert (json.loads(asked.body) if asked.body else None) == body
    assert ("idempotency-key" in asked.headers) == (method == "POST")


def test_publishing_an_event(sdk: AdminClient, server: ScriptedServer) -> None:
    server.answer = lambda _asked: Reply({"data": {"id": "evt_1"}}, status=201)
    when = datetime(2026, 3, 28, 14, 30, tzinfo=UTC)
    assert sdk.publish_event("course.completed", {"memberId": "mem_1"}, timestamp=when) == "evt_1"
    assert json.loads(server.asked[0].body) == {
        "event": "course.completed",
        "data": {"memberId": "mem_1"},
        "timestamp": "2026-03-28T14:30:00+00:00",
    }
    with pytest.raises(ValueError, match="zone"):
        sdk.publish_event("course.completed", {}, timestamp=datetime(2026, 3, 28))  # noqa: DTZ001  # the point


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidRequest), (401, Unauthorized), (404, NotFound), (409, Conflict), (413, InvalidRequest),
     (422, InvalidRequest), (302, ApiError), (418, ApiError), (500, ApiError)],
)  # fmt: skip
def test_refusals(sdk: AdminClient, server: ScriptedServer, status: int, kind: type[ApiError]) -> None:
    details = [{"field": "email", "message": "no"}]
    server.answer = lambda _asked: Reply(
        {"code": "some-code", "message": "Some words.", "details": details},
        status,
        {"Location": "/elsewhere"},
    )
    with pytest.raises(ApiError) as caught:
        sdk.create_member("a@b.c")
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.message, error.status, error.details) == (
        "some-code",
        "Some words.",
        status,
        details,
    )
    assert len(server.asked) == 1


def test_too_many_requests(sdk: AdminClient, server: ScriptedServer) -> None:
    server.answer = lambda _asked: Reply({"code": "slow-down", "message": "x"}, 429, {"Retry-After": "7"})
    with pytest.raises(TooManyRequests) as caught:
        sdk.get_member("mem_1")
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b""])
def test_another_kind_of_server(sdk: AdminClient, server: ScriptedServer, body: bytes) -> None:
    server.answer = lambda _asked: Reply(body)
    with pytest.raises(Unreachable, match="base_url"):
        sdk.get_member("mem_1")
    with pytest.raises(Unreachable, match="base_url"):
        list(sdk.list_members())
    server.answer = lambda _asked: Reply(body, 502)
    with pytest.raises(ApiError, match="502"):
        sdk.update_member("mem_1")


@pytest.mark.parametrize("failure", [Reply(hang_up=True), Reply(status=503)], ids=["hung up", "503"])
@pytest.mark.parametrize(
    ("call", "repeated"),
    [
        (lambda sdk: sdk.get_member("mem_1"), True),
        (lambda sdk: sdk.create_member("a@b.c"), True),
        (lambda sdk: sdk.update_member("mem_1"), False),
        (lambda sdk: sdk.delete_member("mem_1"), False),
    ],
    ids=["GET", "POST", "PATCH", "DELETE"],
)
def test_what_may_be_repeated_is(
    sdk: AdminClient, server: ScriptedServer, failure: Reply, call: Any, repeated: bool
) -> None:
    server.answer = lambda _asked: failure if len(server.asked) < 3 else Reply({"data": MEMBER})
    if not repeated:
        with pytest.raises((Unreachable, ApiError)):
            call(sdk)
        assert len(server.asked) == 1
        return
    call(sdk)
    assert len(server.asked) == 3
    assert len({asked.headers.get("idempotency-key") for asked in server.asked}) == 1


def test_the_caller_s_own_idempotency_key(sdk: AdminClient, server: ScriptedServer) -> None:
    sdk.create_member("a@b.c", idempotency_key="order-17")
    sdk.create_member("a@b.c")
    sdk.create_member("a@b.c")
    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    assert keys[0] == "order-17"
    assert len(set(keys)) == 3


def test_nobody_listens() -> None:
    sdk = AdminClient("sk_secret", f"http://127.0.0.1:{free_port()}", timeout=1)
    for call in (lambda: sdk.get_member("mem_1"), lambda: sdk.delete_member("mem_1")):
        with pytest.raises(Unreachable, match="/members/mem_1"):
            call()


def test_a_server_that_does_not_answer(sdk: AdminClient, server: ScriptedServer) -> None:
    def slow(_asked: Asked) -> Reply:
        time.sleep(1)
        return Reply({"data": MEMBER})

    server.answer = slow
    with pytest.raises(Unreachable, match="timed out"):
        AdminClient("sk_secret", server.url, timeout=0.1).update_member("mem_1")


def test_redirects_are_not_followed(sdk: AdminClient, server: ScriptedServer) -> None:
    server.answer = lambda _asked: Reply(status=307, headers={"Location": server.url + "/elsewhere"})
    with pytest.raises(ApiError, match="307"):
        sdk.get_member("mem_1")
    assert server.count("/elsewhere") == 0


@pytest.mark.parametrize("member_id", ["", ".", ".."])
def test_ids_that_are_paths(sdk: AdminClient, server: ScriptedServer, member_id: str) -> None:
    for call in (sdk.get_member, sdk.delete_member, sdk.update_member):
        with pytest.raises(ValueError, match="not an id"):
            call(member_id)
    assert not server.asked


def test_ids_cannot_leave_their_place(sdk: AdminClient, server: ScriptedServer) -> None:
    sdk.delete_member("../plans/pln_1?x#y")
    assert server.asked[0].path == "/members/..%2Fplans%2Fpln_1%3Fx%23y"


@pytest.mark.parametrize("url", ["", "id.example.com", "ftp://x", "https://", "https://x/?q", "https://x/#f"])
def test_unusable_base_urls(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        AdminClient("sk_secret", url)


def test_the_key_is_not_shown(sdk: AdminClient) -> None:
    assert "sk_secret" not in repr(sdk)
    assert sdk.get_member("mem_1") is not None
    with pytest.raises(Unreachable) as caught:
        AdminClient("sk_secret", "http://127.0.0.1:1").get_member("mem_1")
    assert "sk_secret" not in repr(caught.value)


def test_closing(server: ScriptedServer) -> None:
    server.answer = lambda _asked: Reply({"data": MEMBER})
    with AdminClient("sk_secret", server.url) as sdk:
        assert sdk.get_member("mem_1")
    assert sdk.get_member("mem_1")


def test_a_forked_process_opens_its_own_connection(sdk: AdminClient, server: ScriptedServer) -> None:
    """Two processes on one connection would read each other's answers."""
    script = f"""
import os
from msidp.admin import AdminClient
sdk = AdminClient("sk_secret", {server.url!r})
sdk.get_member("before")
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
    sdk.get_member("parent")
else:
    sdk.get_member("child")
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    before, child, parent = (asked.connection for asked in server.asked)
    assert before == parent != child
