"""However many rows there are, a page asks the database a bounded number of questions."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from tests.support.statements import statements
from tests.webhooks.support import add_endpoint, happen

from msidp.communities.roles import Role

MOST = 25
LISTS = (
    "/dashboard",
    "/dashboard/members",
    "/dashboard/members?q=m",
    "/dashboard/plans",
    "/dashboard/webhooks",
    "/dashboard/deliveries",
    "/dashboard/deliveries?status=pending",
    "/dashboard/events",
    "/dashboard/jobs",
    "/dashboard/audit-log",
)


@pytest.mark.database("sqlite")
def test_a_page_asks_no_more_for_more_rows(
    sign_in: Callable[[Role], FlaskClient], admin: FlaskClient, community_id: str
) -> None:
    owner = sign_in("owner")
    add_endpoint(community_id, "https://hooks.example/")

    def grow(number: int) -> None:
        plan = admin.post("/plans", json={"name": f"Plan {number}"}).json["data"]["id"]
        body = {"email": f"m{number}@example.com", "plans": [{"planId": plan}]}
        admin.post("/members", json=body)
        happen(community_id)
        admin.post("/members/bulk", json={"action": "logOut", "search": ""})

    def asked() -> dict[str, int]:
        return {path: questions(owner, path) for path in LISTS}

    grow(0)
    asked()  # what is read once and kept
    few = asked()
    for number in range(1, 8):
        grow(number)
    many = asked()
    assert max(many.values()) <= MOST, many
    assert many == few


def questions(client: FlaskClient, path: str) -> int:
    with statements() as seen:
        assert client.get(path).status_code == 200, path
    return len(seen)
