"""AdminClient against the real application over HTTP, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from msidp.admin import AdminClient, Conflict, InvalidRequest, NotFound, Unauthorized

pytestmark = pytest.mark.database("sqlite")


@pytest.mark.database("sqlite", "postgresql")
def test_the_life_of_a_member(real: AdminClient, plan_id: str) -> None:
    made = real.create_member(
        "jörg@exämple.com",
        password="correct horse",
        plans=[plan_id],
        verified=True,
        role="editor",
        profile={"name": "Jörg"},
        profile_image="https://example.com/j.png",
        custom_fields={"a": 1, "b": 2},
        meta_data={"c": 3},
        json={"list": [1, None]},
        login_redirect="/welcome",
    )
    assert made.id.startswith("mem_")
    assert made.email == "jörg@exämple.com"
    assert (made.verified, made.role, made.has_password) == (True, "editor", True)
    assert (made.profile["name"], made.profile_image) == ("Jörg", "https://example.com/j.png")
    assert made.created_at is not None
    assert abs((datetime.now(UTC) - made.created_at).total_seconds()) < 60
    assert made.has_plan(plan_id)
    assert [found.plan_name for found in made.plan_connections] == ["Club"]

    found = real.get_member("JÖRG@xn--exmple-cua.com", include_json=True)
    assert found is not None
    assert (found.id, found.json, found.login_redirect) == (made.id, {"list": [1, None]}, "/welcome")

    changed = real.update_member(made.id, custom_fields={"b": 3}, login_redirect=None, email="j@example.com")
    assert (changed.custom_fields, changed.login_redirect) == ({"a": 1, "b": 3}, None)
    assert (changed.meta_data, changed.email) == ({"c": 3}, "j@example.com")
    assert real.get_member("jörg@exämple.com") is None

    real.remove_plan(made.id, plan_id)
    real.add_plan(made.id, plan_id)
    with pytest.raises(Conflict):
        real.add_plan(made.id, plan_id)

    real.delete_member(made.id)
    assert real.get_member(made.id) is None
    with pytest.raises(NotFound) as caught:
        real.delete_member(made.id)
    assert caught.value.code == "member-not-found"


def test_pages(real: AdminClient) -> None:
    assert list(real.list_members()) == []
    made = [real.create_member(f"m{number}@example.com").id for number in range(5)]
    assert [member.id for member in real.list_members(page_size=2)] == made
    assert [member.id for member in real.list_members(page_size=3, order="DESC")] == made[::-1]


def test_refusals(real: AdminClient, base_url: str) -> None:
    real.create_member("a@example.com")
    with pytest.raises(Conflict):
        real.create_member("A@EXAMPLE.com")
    with pytest.raises(InvalidRequest) as caught:
        real.create_member("not an address")
    assert caught.value.status in (400, 422)
    with pytest.raises(InvalidRequest) as caught:
        real.update_member("mem_x", role="")
    assert caught.value.details[0]["field"] == "role"
    with pytest.raises(NotFound):
        real.add_plan("mem_x", "pln_x")
    with pytest.raises(Unauthorized):
        AdminClient("sk_wrong", base_url).get_member("mem_x")


def test_a_repeated_call_makes_one_member(real: AdminClient) -> None:
    first = real.create_member("a@example.com", idempotency_key="sign-up-17")
    assert real.create_member("a@example.com", idempotency_key="sign-up-17") == first
    assert len(list(real.list_members())) == 1


@pytest.mark.database("sqlite", "postgresql")
def test_many_threads_share_a_client(real: AdminClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: real.create_member(f"m{number}@example.com").id, range(24)))
        found = list(threads.map(real.get_member, made))
    assert [member.id for member in found if member is not None] == made
