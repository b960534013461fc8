"""The profile, as changes leave it."""

from typing import Any

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def path(admin: FlaskClient) -> str:
    profile = {
        "phone_number": "+44 20 1234",
        "phone_number_verified": True,
        "address": {"locality": "London", "region": None},
    }
    made = admin.post("/members", json={"email": "ada@example.com", "profile": profile}).json["data"]
    assert made["profile"] == profile | {"address": {"locality": "London"}}
    return f"/members/{made['id']}"


def profile(admin: FlaskClient, path: str, changes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = admin.patch(path, json={"profile": changes}).json["data"]["profile"]
    return found


def test_another_phone_number_is_not_verified(admin: FlaskClient, path: str) -> None:
    assert profile(admin, path, {"name": "Ada"})["phone_number_verified"] is True
    assert profile(admin, path, {"phone_number": "+44 20 1234"})["phone_number_verified"] is True
    assert "phone_number_verified" not in profile(admin, path, {"phone_number": "+44 20 9999"})
    both = {"phone_number": "+44 20 1111", "phone_number_verified": True}
    assert profile(admin, path, both)["phone_number_verified"] is True
    gone = profile(admin, path, {"phone_number": None})
    assert not {"phone_number", "phone_number_verified"} & set(gone)


def test_parts_of_an_address_that_are_null_go(admin: FlaskClient, path: str) -> None:
    changed = profile(admin, path, {"address": {"locality": None, "country": "GB"}})
    assert changed["address"] == {"country": "GB"}
