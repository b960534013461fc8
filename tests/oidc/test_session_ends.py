"""What ends with a session of a member, and what outlives it."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, id_claims, log_in, log_out

from msidp import db
from msidp.accounts import sessions
from msidp.accounts.models import Session
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

OFFLINE = "openid offline_access"


def test_the_tokens_of_the_session_end_with_it(shop: Relying) -> None:
    tokens = shop.tokens(scope="openid email")
    code = shop.code()
    assert shop.userinfo(tokens["access_token"]).status_code == 200
    log_out(shop)
    assert shop.userinfo(tokens["access_token"]).status_code == 401
    assert shop.exchange(code).json["error"] == "invalid_grant"


def test_offline_access_outlives_the_session(shop: Relying) -> None:
    """Section 2.7."""
    tokens = shop.tokens(scope=OFFLINE)
    log_out(shop)
    assert shop.userinfo(tokens["access_token"]).status_code == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def test_offline_access_ends_where_the_member_is_logged_out_everywhere(
    admin: FlaskClient, shop: Relying, member: Member
) -> None:
    of_before = shop.tokens(scope=OFFLINE)
    log_out(shop)
    log_in(shop.browser, member)
    tokens = shop.tokens(scope=OFFLINE)
    admin.delete(f"/members/{member.id}/sessions")
    for one in (of_before, tokens):
        assert shop.userinfo(one["access_token"]).status_code == 401
        assert shop.refresh(one["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.database("sqlite", "postgresql")
def test_the_session_that_is_kept_keeps_its_tokens(shop: Relying, member: Member) -> None:
    of_before = shop.tokens(scope=OFFLINE)
    log_in(shop.browser, member)
    here = shop.tokens(scope=OFFLINE)
    kept = id_claims(here["id_token"])["sid"]
    with db.transaction() as session:
        sessions.end_all(session, member.id, kept=kept)
    assert shop.refresh(of_before["refresh_token"]).json["error"] == "invalid_grant"
    assert shop.refresh(here["refresh_token"]).status_code == 200


@pytest.mark.database("sqlite", "postgresql")
def test_who_has_just_logged_out_gets_no_code(shop: Relying) -> None:
    """The session ends after it was read and before the grant is recorded."""
    original = sessions.find

    def find_and_end(session: Any, token: str) -> Any:
        login = original(session, token)
        with db.transaction() as other:
            other.execute(Session.__table__.delete())
        return login

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "find", find_and_end)
        answer = shop.authorize()
    assert "error=login_required" in answer.headers["Location"]
