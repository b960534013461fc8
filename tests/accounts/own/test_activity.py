"""Who was not let in is on the audit log, in few rows; members see what has happened to their account."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.accounts.factors.support import ADA, add_app, log_in, sign_up
from tests.accounts.mailed.support import inbox, member
from tests.support.forms import Browser

from msidp import clock, db
from msidp.audit import service as audit
from msidp.audit.models import AuditEntry

pytestmark = pytest.mark.database("sqlite")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18 Mobile Safari/604"


@pytest.fixture(autouse=True)
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a test takes, it lies within one window."""
    monkeypatch.setattr(audit, "WINDOW", 100_000 * clock.DAY)


@pytest.fixture
def browser(base_url: str) -> Browser:
    found = Browser(base_url)
    sign_up(found)
    return found


def refusals() -> list[tuple[str, str | None, int]]:
    with db.reading() as session:
        rows = session.execute(
            select(AuditEntry.action, AuditEntry.member_id, AuditEntry.count)
            .where(AuditEntry.action.like("%.refused"))
            .order_by(AuditEntry.seq)
        )
        return [(row.action, row.member_id, row.count) for row in rows]


def wrong_password(browser: Browser, email: str) -> None:
    form = browser.get("/login?again").form("/login")
    assert browser.submit(form, email=email, password="wrong password").status == 401


def test_refusals_are_counted_by_account(browser: Browser, base_url: str) -> None:
    stranger = Browser(base_url)
    for number in range(3):
        wrong_password(stranger, ADA.upper())
        wrong_password(stranger, f"nobody{number}@example.com")
    form = stranger.get("/signup").form()
    assert stranger.submit(form, email=ADA, password="another horse").status == 422
    form = browser.get("/account/password").form("/password")
    browser.submit(form, current_password="wrong password", new_password="another horse")
    page = stranger.submit(stranger.get("/login/mail").form(), email=ADA)
    assert stranger.submit(page.form("/code"), code="x").status == 401
    page = stranger.submit(stranger.get("/login/mail").form(), email="nobody@example.com")
    assert stranger.submit(page.form("/code"), code="x").status == 401
    ada = member().id
    assert refusals() == [
        ("password.refused", ada, 5),
        ("password.refused", None, 3),
        ("mailed_code.refused", ada, 1),
        ("mailed_code.refused", None, 1),
    ]


def test_who_gives_wrong_codes_knows_the_password(browser: Browser, base_url: str) -> None:
    add_app(browser)
    thief = Browser(base_url)
    page = log_in(thief)
    for _ in range(7):
        page = thief.submit(page.form(), code="000000")
    assert refusals() == [("second_factor.refused", member().id, 7)]
    subjects = [mail["subject"] for mail in inbox(base_url, ADA)]
    assert subjects.count("Somebody who came as far as your second factor gave wrong codes") == 1


def test_a_member_sees_what_happened(browser: Browser, base_url: str, admin: FlaskClient, app: Flask) -> None:
    stranger = Browser(base_url)
    sign_up(stranger, "bob@example.com")
    thief = Browser(base_url)
    thief.session.headers["User-Agent"] = PHONE
    for _ in range(3):
        wrong_password(thief, ADA)
    admin.environ_base["REMOTE_ADDR"] = "192.0.2.77"
    admin.patch(f"/members/{member().id}", json={"verified": True})
    page = browser.get("/account").html
    assert 'href="/account/activity"' in page
    page = browser.get("/account/activity")
    assert "A wrong password was given 3 times" in page.text
    assert "Safari on iPhone, from 127.0.0.1" in page.text
    assert "Your account was changed" in page.text
    assert "by the people who run this site" in page.text
    assert "192.0.2.77" not in page.text
    assert page.text.index("Your account was changed") < page.text.index("A wrong password was given")
    assert "A wrong password" not in stranger.get("/account/activity").text
    assert "Signed in: password" in stranger.get("/account/activity").text
    assert Browser(base_url).get("/account/activity").path == "/login"
