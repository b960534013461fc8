"""Lists of members over the Admin API: pages, and what a request costs."""

from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as quick
from hypothesis import strategies as st
from tests.members.support import create, plan, refusal
from tests.support.statements import statements

from msidp import db
from msidp.communities import service as communities
from msidp.members.models import Member


def test_pages_make_up_the_whole_list_in_both_orders(admin: FlaskClient) -> None:
    ids = [create(admin, f"m{number}@example.com")["id"] for number in range(7)]

    @quick(max_examples=25, deadline=None)
    @given(st.integers(1, 9), st.sampled_from(["first", "limit"]), st.sampled_from(["ASC", "DESC"]))
    def check(size: int, name: str, order: str) -> None:
        found, cursor = [], ""
        while True:
            page = admin.get(f"/members?{name}={size}&after={cursor}&order={order}").json
            assert page["totalCount"] == 7
            assert len(page["data"]) <= size
            found += [member["id"] for member in page["data"]]
            cursor = page["endCursor"]
            assert isinstance(cursor, int)
            if not page["hasNextPage"]:
                break
        assert found == (ids if order == "ASC" else ids[::-1])

    check()


def test_the_sizes(admin: FlaskClient, community_id: str) -> None:
    with db.transaction() as session:
        session.add_all(
            Member(
                id=f"mem_{number}", community_id=community_id, email=f"{number}@x.org",
                email_key=f"{number}@x.org", profile={}, custom_fields={}, meta_data={},
                created_at=0, updated_at=0,
            )
            for number in range(101)
        )  # fmt: skip
    for query, size in (
        ("", 50),
        ("?first=101", 100),
        ("?limit=9999999999999", 100),
        ("?first=2&limit=9", 2),
    ):
        page = admin.get(f"/members{query}").json
        assert (len(page["data"]), page["totalCount"], page["hasNextPage"]) == (size, 101, True)
    last = admin.get("/members?first=100&after=100").json
    assert (len(last["data"]), last["hasNextPage"]) == (1, False)
    beyond = admin.get("/members?after=9000").json
    assert beyond == {"totalCount": 101, "endCursor": 9000, "hasNextPage": False, "data": []}


def test_an_empty_list_has_a_numeric_cursor(admin: FlaskClient) -> None:
    empty = {"totalCount": 0, "endCursor": 0, "hasNextPage": False, "data": []}
    for query in ("", "?", "?&after=", "?first=&after=&order="):
        assert admin.get(f"/members{query}", json={"after": None}).json == empty


def test_odd_queries_are_refused(admin: FlaskClient) -> None:
    for query in (
        "first=0", "first=-1", "first=x", "first=1.5", "limit=NaN", "after=-1", "after=x", "after=1e3",
        "after=99999999999999999999", "order=asc", "order=%00", "first=1&first=2", "includeJSON=perhaps",
        "first=" + "9" * 5000,
    ):  # fmt: skip
        assert refusal(admin.get(f"/members?{query}")) == (422, "invalid")


def test_another_communitys_members_are_not_seen(app: Flask, admin: FlaskClient) -> None:
    member = create(admin)
    with db.transaction() as session:
        session.add(
            communities.Community(id="other", app_id="app_o", public_key="pk_o", name="O", created_at=1)
        )
        session.flush()
        key = communities.create_api_key(session, "other", "other").secret_key
    other = {"X-API-KEY": key}
    path = f"/members/{member['id']}"
    assert app.test_client().get("/members", headers=other).json["totalCount"] == 0
    assert app.test_client().get(path, headers=other).json == {"data": None}
    for call in (app.test_client().patch, app.test_client().delete):
        assert refusal(call(path, json={}, headers=other)) == (404, "member-not-found")


# How many statements a request takes; a change here is meant, or a mistake.


def test_a_page_costs_the_same_however_long(admin: FlaskClient) -> None:
    plans = [{"planId": plan(admin, name)} for name in ("A", "B")]
    counts = []
    for number in range(4):
        create(admin, f"m{number}@example.com", plans=plans)
        with statements() as seen:
            admin.get("/members")
        counts.append(len(seen))
    assert counts == [4] * 4  # the key, the count, the members, their connections


def test_creating_and_changing(admin: FlaskClient) -> None:
    body = {"email": "a@example.com"}
    admin.post("/members", json=body)
    with statements() as seen:
        member = admin.post("/members", json={"email": "b@example.com"}).json["data"]
    # the key, the member, the event, the endpoints, the audit log, the hour's figures
    assert len(seen) <= 6, seen
    with statements() as seen:
        admin.patch(f"/members/{member['id']}", json={"verified": True})
    assert len(seen) <= 7, seen  # also the member's row and connections before
