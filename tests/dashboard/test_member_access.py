"""How a member gets in, on their page: sessions and factors, ended and taken off as the Admin API does."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.dashboard.conftest import submit

from msidp import clock, db
from msidp.accounts import sessions
from msidp.accounts.factors import recovery
from msidp.accounts.factors.models import AuthenticatorApp
from msidp.communities.roles import Role
from msidp.mail.models import Mail
from msidp.members import service
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def owner(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in("owner")


@pytest.fixture
def member(app: Flask, community_id: str) -> Member:
    with db.transaction() as session:
        return service.create_member(session, community_id, email="ann@example.com")


def log_in(member: Member, agent: str) -> str:
    """Returns the session's id."""
    with db.transaction() as session:
        started = sessions.start(session, member, ("pwd",), address="192.0.2.7", user_agent=agent)
        return started.login.session_id


def test_sessions_are_shown_and_ended(
    owner: FlaskClient, admin: FlaskClient, member: Member, sign_in: Callable[[Role], FlaskClient]
) -> None:
    page = f"/dashboard/members/{member.id}"
    first, second, _ = (log_in(member, agent) for agent in ("Firefox <b>", "Safari", "Lynx"))
    shown = owner.get(page).text
    assert "Firefox &lt;b&gt;" in shown
    assert first in shown
    assert submit(owner, page, f"{page}/sessions/{first}/end").headers["Location"] == f"{page}#access"
    left = [each["userAgent"] for each in admin.get(f"/members/{member.id}/sessions").json["data"]]
    assert left == ["Safari", "Lynx"]
    assert submit(owner, page, f"{page}/sessions/{first}/end").status_code == 404
    assert submit(owner, page, f"{page}/sessions/end-all").status_code == 303
    assert admin.get(f"/members/{member.id}/sessions").json["data"] == []
    assert "Nowhere" in owner.get(page).text
    assert second not in owner.get(page).text
    actions = [each["action"] for each in admin.get("/audit-log").json["data"]]
    assert actions[-2:] == ["session.ended", "member.logged_out"]
    assert "end-all" not in sign_in("viewer").get(page).text


def test_a_lost_authenticator_is_taken_off_and_the_member_told(
    owner: FlaskClient, admin: FlaskClient, member: Member
) -> None:
    page = f"/dashboard/members/{member.id}"
    now = clock.now()
    with db.transaction() as session:
        session.add(
            AuthenticatorApp(member_id=member.id, sealed_secret="sealed", created_at=now, confirmed_at=now)
        )
        recovery.regenerate(session, member.id)
    assert "recovery codes left" in owner.get(page).text
    for _ in range(2):
        assert submit(owner, page, f"{page}/authenticator-app/remove").status_code == 303
    assert "recovery codes left" not in owner.get(page).text
    seen = admin.get(f"/members/{member.id}/factors").json["data"]
    assert (seen["authenticatorApp"], seen["recoveryCodes"]) == (False, 0)
    actions = [each["action"] for each in admin.get("/audit-log").json["data"]]
    assert actions.count("second_factor.removed") == 1
    with db.reading() as session:
        assert len(session.scalars(select(Mail)).all()) == 1
