"""Member session tokens: POST /members/verify-token, and what ends one."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.members.support import create, refusal

from msidp import clock, db
from msidp.accounts import sessions
from msidp.communities import service as communities
from msidp.keys.keyring import keyring
from msidp.members import service as members
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def claims(admin: FlaskClient, community_id: str, settings: Settings) -> dict[str, Any]:
    member_id = create(admin)["id"]
    with db.transaction() as session:
        app_id = communities.get(session, community_id).app_id
        member = members.get_member(session, community_id, member_id)
        session_id = sessions.start(session, member, ("pwd",)).login.session_id
    now = clock.seconds(clock.now())
    return {
        "id": member_id, "sub": member_id, "type": "member", "iat": now, "exp": now + 60,
        "aud": app_id, "iss": settings.member_token_issuer, "sid": session_id,
    }  # fmt: skip


def verified(admin: FlaskClient, claims: dict[str, Any], typ: str = "JWT") -> Any:
    return admin.post("/members/verify-token", json={"token": keyring().sign(claims, typ=typ)})


@pytest.mark.database("sqlite", "postgresql")
def test_a_good_token(admin: FlaskClient, claims: dict[str, Any]) -> None:
    shown = {name: value for name, value in claims.items() if name not in ("sub", "sid")}
    assert verified(admin, claims).json == {"data": shown}


def test_a_bad_token(admin: FlaskClient, claims: dict[str, Any]) -> None:
    for changes in (
        {"exp": 1}, {"aud": "app_other"}, {"iss": "https://elsewhere.example"}, {"type": "admin"},
        {"type": None}, {"id": "mem_gone"}, {"exp": None}, {"sid": None}, {"sid": "ses_gone"}, {"sid": 1},
    ):  # fmt: skip
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        assert refusal(verified(admin, changed)) == (400, "INVALID_TOKEN"), changes


def test_another_kind_of_token(admin: FlaskClient, claims: dict[str, Any]) -> None:
    assert refusal(verified(admin, claims, "at+jwt")) == (400, "INVALID_TOKEN")
    for token in ("", "x", "a.b.c", "é.é.é", "." * 5000):
        answer = admin.post("/members/verify-token", json={"token": token})
        assert refusal(answer) == (400, "INVALID_TOKEN")
