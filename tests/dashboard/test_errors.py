"""What goes wrong is told among the menu; what strangers call themselves turns nothing else around."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.dashboard.conftest import submit

from msidp.communities.roles import Role

# What these pages show does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
SignIn = Callable[[Role], FlaskClient]
PAGE = {"Accept": "text/html"}


def test_an_error_keeps_the_menu_for_who_is_signed_in(sign_in: SignIn, client: FlaskClient) -> None:
    viewer = sign_in("viewer")
    for path, status in {
        "/dashboard/members/mem_none": 404,
        "/dashboard/no/such/page": 404,
        "/dashboard/operators": 403,
        "/dashboard/deliveries?q=%00": 400,
    }.items():
        answer = viewer.get(path, headers=PAGE)
        assert (answer.status_code, 'aria-label="Dashboard"' in answer.text) == (status, True), path
        assert "Operators" not in answer.text, path  # the menu is the role's
        assert "http-equiv" not in answer.text
    refused = submit(viewer, "/dashboard", "/dashboard/plans", name="x")
    assert refused.status_code == 403
    assert viewer.post("/dashboard/plans", headers=PAGE).status_code == 400  # no token
    stranger = client.get("/dashboard/no/such/page", headers=PAGE)
    assert (stranger.status_code, 'aria-label="Dashboard"' in stranger.text) == (404, False)
    program = viewer.get("/dashboard/no/such/page", headers={"Accept": "application/json"})
    assert program.json["code"] == "not-found"


def test_a_strangers_name_turns_nothing_else_around(sign_in: SignIn, admin: FlaskClient) -> None:
    name = "\u202eevil"
    owner = sign_in("owner")
    body = {"email": "ann@example.com", "profile": {"name": name}}
    member = admin.post("/members", json=body).json["data"]["id"]
    plan = admin.post("/plans", json={"name": name}).json["data"]["id"]
    assert f"<bdi>{name}</bdi>" in owner.get("/dashboard/members").text
    assert f"<bdi>{name}</bdi>" in owner.get("/dashboard/plans").text
    assert f"<bdi>{name}</bdi>” to confirm" in owner.get(f"/dashboard/plans/{plan}").text
    assert "<bdi>ann@example.com</bdi>" in owner.get(f"/dashboard/members/{member}").text
    submit(owner, "/dashboard/plans", "/dashboard/plans", name=name)
    assert f"\u2068{name}\u2069 is a plan now." in owner.get("/dashboard").text


@pytest.mark.parametrize(
    ("link", "status"),
    [
        ("https://ann:secret@ann.example/", 422),
        ("https://ann@ann.example", 422),
        ("https://evil.example\\\\@ann.example/", 422),
        ("https://?@ann.example", 422),
        ("https://ann.example/@ann?x=@#@", 200),
        ("http://ann.example:8080", 200),
    ],
)
def test_a_website_names_no_password(admin: FlaskClient, link: str, status: int) -> None:
    body: dict[str, Any] = {"email": "ann@example.com", "profile": {"website": link}}
    assert admin.post("/members", json=body).status_code == status
