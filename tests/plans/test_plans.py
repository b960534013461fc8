"""Plans over the Admin API."""

from typing import Any

from flask.testing import FlaskClient

MONTHLY = {"name": "Monthly", "amount": 10, "currency": "usd", "interval": {"type": "MONTH", "count": 1}}


def create(admin: FlaskClient, **fields: Any) -> dict[str, Any]:
    answer = admin.post("/plans", json={"name": "Gold", **fields})
    assert answer.status_code == 200, answer.json
    data: dict[str, Any] = answer.json["data"]
    return data


def test_a_plan_has_memberstacks_shape(admin: FlaskClient) -> None:
    plan = create(admin, description="All of it", priority=3, prices=[MONTHLY])
    [price] = plan["prices"]
    assert plan.pop("createdAt").endswith("Z")
    assert plan.pop("id").startswith("pln_")
    assert price.pop("id").startswith("prc_")
    assert plan == {
        "name": "Gold",
        "description": "All of it",
        "priority": 3,
        "status": "ACTIVE",
        "prices": [MONTHLY | {"type": "SUBSCRIPTION", "status": "ACTIVE"}],
    }


def test_what_a_price_says_by_itself(admin: FlaskClient) -> None:
    for given, type_, interval in (
        ({}, "ONETIME", None),
        ({"type": "ONETIME"}, "ONETIME", None),
        ({"type": "SUBSCRIPTION"}, "SUBSCRIPTION", {"type": "MONTH", "count": 1}),
        ({"interval": {"type": "year"}}, "SUBSCRIPTION", {"type": "YEAR", "count": 1}),
        ({"interval": {"type": "WEEK", "count": 2}}, "SUBSCRIPTION", {"type": "WEEK", "count": 2}),
    ):
        [price] = create(admin, prices=[{"amount": 9.99, "currency": "EUR", **given}])["prices"]
        assert (price["type"], price["interval"]) == (type_, interval)
        assert (price["amount"], price["currency"], price["name"]) == (9.99, "EUR", None)


def test_plans_are_listed_in_pages(admin: FlaskClient) -> None:
    plans = [create(admin, name=name, prices=[MONTHLY]) for name in "abc"]
    page = admin.get("/plans?first=2").json
    assert (page["totalCount"], page["hasNextPage"], page["data"]) == (3, True, plans[:2])
    assert admin.get(f"/plans?after={page['endCursor']}").json["data"] == plans[2:]
    assert admin.get("/plans?order=DESC").json["data"] == plans[::-1]


def test_changing_a_plan(admin: FlaskClient) -> None:
    plan = create(admin, description="All", prices=[MONTHLY])
    path = f"/plans/{plan['id']}"
    assert admin.get(path).json == {"data": plan}
    assert admin.patch(path, json={}).json == {"data": plan}
    changed = admin.patch(path, json={"name": "Silver", "description": None, "priority": -1}).json["data"]
    assert changed == plan | {"name": "Silver", "description": None, "priority": -1}
    assert admin.get(path).json == {"data": changed}


def test_changing_prices_keeps_those_that_are_named(admin: FlaskClient) -> None:
    plan = create(admin, prices=[MONTHLY, MONTHLY | {"name": "Old"}])
    kept, dropped = plan["prices"]
    path = f"/plans/{plan['id']}"
    yearly = {"amount": 100, "currency": "usd", "interval": {"type": "YEAR", "count": 1}}
    answer = admin.patch(path, json={"prices": [MONTHLY | {"id": kept["id"], "amount": 12}, yearly]})
    first, second = answer.json["data"]["prices"]
    assert first == kept | {"amount": 12}
    assert second["id"] not in (kept["id"], dropped["id"])
    assert admin.get(path).json == answer.json
    again = admin.patch(path, json={"prices": answer.json["data"]["prices"]})
    assert again.json == answer.json  # what was answered can be sent
    for prices in ([{**MONTHLY, "id": dropped["id"]}], [{**MONTHLY, "id": kept["id"]}] * 2):
        refused = admin.patch(path, json={"prices": prices})
        assert (refused.status_code, refused.json["code"]) == (422, "price-not-found")
    assert admin.patch(path, json={"prices": []}).json["data"]["prices"] == []


def test_a_price_that_was_dropped_stays_with_its_members(admin: FlaskClient) -> None:
    free, paid = create(admin, name="Free"), create(admin, prices=[MONTHLY])
    member = admin.post("/members", json={"email": "a@example.com", "plans": [{"planId": free["id"]}]}).json[
        "data"
    ]
    path = f"/members/{member['id']}"
    connection = admin.patch(
        f"{path}/plans/{member['planConnections'][0]['id']}", json={"planId": paid["id"]}
    ).json["data"]
    admin.patch(f"/plans/{paid['id']}", json={"prices": []})
    assert admin.get(path).json["data"]["planConnections"] == [connection]
    assert connection["payment"]["priceId"] == paid["prices"][0]["id"]


def test_an_archived_plan_takes_no_new_members(admin: FlaskClient) -> None:
    plan = create(admin)
    member = admin.post("/members", json={"email": "a@example.com"}).json["data"]
    for status, expected in (("ARCHIVED", 404), ("ACTIVE", 200)):
        archived = admin.patch(f"/plans/{plan['id']}", json={"status": status})
        assert archived.json["data"]["status"] == status
        joined = admin.post(f"/members/{member['id']}/add-plan", json={"planId": plan["id"]})
        assert joined.status_code == expected


def test_deleting_a_plan(admin: FlaskClient) -> None:
    plan = create(admin, prices=[MONTHLY])
    path = f"/plans/{plan['id']}"
    assert admin.delete(path).json == {"data": {"id": plan["id"]}}
    for call in (admin.get, admin.delete, admin.patch):
        gone = call(path, json={})
        assert (gone.status_code, gone.json["code"]) == (404, "plan-not-found")


def test_a_plan_with_members_cannot_be_deleted(admin: FlaskClient) -> None:
    plan = create(admin)
    path = f"/plans/{plan['id']}"
    body = {"email": "a@example.com", "plans": [{"planId": plan["id"]}]}
    member = admin.post("/members", json=body).json["data"]
    refused = admin.delete(path)
    assert (refused.status_code, refused.json["code"]) == (409, "plan-in-use")
    assert admin.get(path).json == {"data": plan}
    admin.post(f"/members/{member['id']}/remove-plan", json={"planId": plan["id"]})
    assert admin.delete(path).status_code == 200


def test_bad_plans(admin: FlaskClient) -> None:
    price = {"amount": 1, "currency": "usd"}
    for body in (
        {}, {"name": ""}, {"name": 1}, {"name": None}, {"name": "x" * 201}, {"name": "x", "color": "red"},
        {"name": "x", "prices": {}}, {"name": "x", "prices": [1]}, {"name": "x", "prices": [{}]},
        {"name": "x", "prices": [price] * 51}, {"name": "x", "priority": 2**31},
        {"name": "x", "priority": 1.5}, {"name": "x", "priority": True}, {"name": "x", "description": 1},
        *(
            {"name": "x", "prices": [price | wrong]}
            for wrong in (
                {"amount": -1}, {"amount": "1"}, {"amount": True}, {"amount": 1e13}, {"amount": None},
                {"currency": "dollars"}, {"currency": ""}, {"currency": None}, {"type": "RENT"},
                {"interval": {}}, {"interval": {"type": "DECADE"}}, {"interval": {"type": "DAY", "count": 0}},
                {"type": "ONETIME", "interval": {"type": "DAY"}}, {"id": "prc_other"},
            )
        ),
    ):  # fmt: skip
        answer = admin.post("/plans", json=body)
        assert (answer.status_code, set(answer.json) >= {"code", "message"}) == (422, True), body
    plan = create(admin)
    for body in ({"name": None}, {"status": "GONE"}, {"prices": None}, {"id": "pln_x"}):
        assert admin.patch(f"/plans/{plan['id']}", json=body).status_code == 422
    assert admin.get("/plans").json["totalCount"] == 1
