"""POST /members/verify-token."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.members.support import create, refusal

from msidp import clock, db
from msidp.communities import service as communities
from msidp.keys.keyring import keyring
from msidp.settings import Settings


@pytest.fixture
def claims(admin: FlaskClient, community_id: str, settings: Settings) -> dict[str, Any]:
    member = create(admin)
    with db.reading() as session:
        app_id = communities.app_id(session, community_id)
    now = clock.seconds(clock.now())
    return {
        "id": member["id"], "sub": member["id"], "type": "member", "iat": now, "exp": now + 60,
        "aud": app_id, "iss": settings.member_token_issuer,
    }  # fmt: skip


def test_a_good_token(admin: FlaskClient, claims: dict[str, Any]) -> None:
    answer = admin.post("/members/verify-token", json={"token": keyring().sign(claims, typ="JWT")})
    assert answer.json == {"data": {name: value for name, value in claims.items() if name != "sub"}}


def test_a_bad_token(admin: FlaskClient, claims: dict[str, Any]) -> None:
    for changes in (
        {"exp": 1}, {"aud": "app_other"}, {"iss": "https://elsewhere.example"}, {"type": "admin"},
        {"type": None}, {"id": "mem_gone"}, {"exp": None},
    ):  # fmt: skip
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        token = keyring().sign(changed, typ="JWT")
        answer = admin.post("/members/verify-token", json={"token": token})
        assert refusal(answer) == (400, "INVALID_TOKEN")


def test_another_kind_of_token(admin: FlaskClient, claims: dict[str, Any]) -> None:
    for token in (keyring().sign(claims, typ="at+jwt"), "", "x", "a.b.c", "é.é.é", "." * 5000):
        answer = admin.post("/members/verify-token", json={"token": token})
        assert refusal(answer) == (400, "INVALID_TOKEN")
