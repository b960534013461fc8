"""An operator's forgotten password: mailed where mails are sent, the same words for everybody,
and a second factor is still asked for.
"""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select
from tests.dashboard.conftest import PASSWORD, make_operator, submit

from msidp import clock, db
from msidp.audit.models import AuditEntry
from msidp.communities.roles import Role
from msidp.mail import letters
from msidp.mail.models import Mail
from msidp.operators import factors, resets
from msidp.operators.models import OperatorApp
from msidp.ops import housekeeping
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")
ROOT = "/dashboard"
NEW = "another horse, another battery"


@pytest.fixture
def no_mail() -> None:
    """For a test of an instance without a mail server."""


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Those of an instance with a mail server, which nobody has to reach here."""
    if "no_mail" in request.fixturenames:
        return settings
    return settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:1")})


def ask(client: FlaskClient, email: str):
    return submit(client, f"{ROOT}/forgot-password", f"{ROOT}/forgot-password", email=email)


def mails() -> list[tuple[str, str]]:
    """To whom and what: newest last."""
    with db.reading() as session:
        rows = session.scalars(select(Mail).order_by(Mail.seq)).all()
        found = [(row.recipient, letters.unseal(row.letter, row.id)) for row in rows]
    return [(to, letter.text if letter else "") for to, letter in found]


def link(text: str) -> str:
    found = re.search(r"/dashboard/reset-password\?token=\S+", text)
    assert found, text
    return found.group()


def choose(client: FlaskClient, path: str, password: str = NEW):
    token = path.partition("=")[2]
    return submit(client, path, f"{ROOT}/reset-password", token=token, password=password)


def enter(client: FlaskClient, password: str):
    page = f"{ROOT}/sign-in"
    return submit(client, page, page, email="owner@example.com", password=password)


def test_a_link_by_mail_is_good_once(
    app: Flask, client: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    elsewhere = sign_in("owner")
    known, unknown = ask(client, "OWNER@example.com"), ask(app.test_client(), "nobody@example.com")
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert known.text.replace("OWNER@", "nobody@") == unknown.text
    assert ask(client, "no address").status_code == 422
    [(to, text), nobody] = mails()
    assert (to, nobody) == ("owner@example.com", ("", ""))
    path = link(text)
    for _ in range(3):  # a mail scanner that looks spends nothing
        assert client.get(path).status_code == 200
    weak = choose(client, path, "short")
    assert (weak.status_code, 'id="password-error"' in weak.text) == (422, True)
    assert choose(client, path).headers["Location"] == f"{ROOT}/sign-in"
    assert "Your password is changed" in client.get(f"{ROOT}/sign-in").text
    assert client.get(path).status_code == 404
    assert elsewhere.get(ROOT).status_code == 303  # signed out everywhere
    assert enter(app.test_client(), PASSWORD).status_code == 401
    assert enter(app.test_client(), NEW).headers["Location"] == ROOT
    assert "was changed by a mailed link" in mails()[-1][1]
    with db.reading() as session:
        actions = [entry.action for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]
    assert actions.count("operator.password_reset_requested") == 2  # one each, somebody's and nobody's
    assert actions.count("operator.password_reset") == 1


def test_links_end_and_a_second_factor_is_still_asked_for(
    app: Flask, client: FlaskClient, community_id: str
) -> None:
    operator_id = make_operator(community_id, "owner", "owner@example.com")
    ask(client, "owner@example.com")
    ask(client, "owner@example.com")
    older, newer = (link(text) for _, text in mails())
    for path in (older, f"{newer}x", f"{ROOT}/reset-password?token=%00", f"{ROOT}/reset-password"):
        assert client.get(path).status_code == 404, path
    with db.transaction() as session:
        now = clock.now()
        session.add(
            OperatorApp(operator_id=operator_id, sealed_secret="sealed", created_at=now, confirmed_at=now)
        )
        assert factors.has_any(session, operator_id)
    assert choose(client, newer).status_code == 303
    assert enter(app.test_client(), NEW).headers["Location"].startswith(f"{ROOT}/sign-in/verify")
    with db.transaction() as session:
        late = resets.issue(session, operator_id)
        assert resets.purge_expired(session, clock.now() + resets.LIFETIME - 1000) == 0
        assert resets.purge_expired(session, late.expires_at) == 1
    assert resets.purge_expired in housekeeping.PURGES


def test_ones_own_change_ends_the_links_and_is_told(
    app: Flask, client: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    page = f"{ROOT}/account"
    owner = sign_in("owner")
    ask(client, "owner@example.com")
    path = link(mails()[0][1])
    change = {"current": PASSWORD, "password": NEW}
    copy, before = app.test_client(), owner.get_cookie("msidp_operator")
    assert before
    copy.set_cookie("msidp_operator", before.value)
    assert copy.get(ROOT).status_code == 200
    assert submit(owner, page, f"{page}/password", **change).status_code == 303
    assert (owner.get(ROOT).status_code, copy.get(ROOT).status_code) == (200, 303)
    assert client.get(path).status_code == 404
    assert "The password of your operator account was changed" in mails()[-1][1]
    assert enter(app.test_client(), NEW).headers["Location"] == ROOT


def test_a_stolen_session_guesses_at_no_password(sign_in: Callable[[Role], FlaskClient]) -> None:
    """The form that changes it would tell what a fresh proof needs."""
    page, thief = f"{ROOT}/account", sign_in("owner")
    guess = {"current": "not it at all", "password": NEW}
    answers = [submit(thief, page, f"{page}/password", **guess).status_code for _ in range(21)]
    assert answers == [422] * 20 + [429]
    confirm = submit(thief, f"{ROOT}/confirm", f"{ROOT}/confirm", password=PASSWORD)
    assert confirm.status_code == 429  # both count together
    with db.reading() as session:
        refused = AuditEntry.action == "operator.password_refused"
        [entry] = session.scalars(select(AuditEntry).where(refused)).all()
    assert (entry.count, entry.actor_id == entry.target_id) == (20, True)


def test_asking_is_throttled(client: FlaskClient, community_id: str) -> None:
    make_operator(community_id, "owner", "owner@example.com")
    answers = [ask(client, "owner@example.com").status_code for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2
    assert len(mails()) == 10


def test_without_a_mail_server_it_takes_the_server(
    no_mail: None, client: FlaskClient, community_id: str
) -> None:
    make_operator(community_id, "owner", "owner@example.com")
    page = client.get(f"{ROOT}/forgot-password")
    assert "msidp operator reset-password" in page.text
    sent = submit(client, f"{ROOT}/sign-in", f"{ROOT}/forgot-password", email="owner@example.com")
    assert sent.status_code == 303
    assert mails() == []
