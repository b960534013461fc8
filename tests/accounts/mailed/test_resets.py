"""Forgot and reset password, as a browser without JavaScript walks it."""

import pytest
from flask import Flask
from sqlalchemy import select, update
from tests.accounts.mailed.support import (
    ADA,
    NEW_PASSWORD,
    PASSWORD,
    ask,
    events,
    inbox,
    link_in,
    log_in,
    member,
    sign_up,
)
from tests.support.forms import Browser
from tests.support.threads import at_once

from msidp import clock, db
from msidp.accounts.mailed import resets, tokens
from msidp.accounts.mailed.models import MailedToken
from msidp.accounts.models import Session
from msidp.audit.models import AuditEntry
from msidp.errors import Gone
from msidp.members.models import Member


def reset_link(base_url: str, browser: Browser | None = None, at: str = "/forgot-password") -> str:
    ask(browser or Browser(base_url), at)
    return link_in(inbox(base_url, ADA)[0], "/reset-password")


def test_a_forgotten_password(base_url: str) -> None:
    first = sign_up(base_url)
    browser = Browser(base_url)
    page = ask(browser, "/forgot-password", " ADA@Example.com ")
    assert (page.status, page.title.split(" – ")[0]) == (200, "Look into your mail")
    link = link_in(inbox(base_url, ADA)[0], "/reset-password")
    assert link.startswith(f"{base_url}/reset-password?token=")
    page = browser.get(link)
    assert page.form().values["email"] == ADA
    page = browser.submit(page.form(), password=NEW_PASSWORD)
    assert page.path == "/account"
    assert first.get("/account").path == "/login"  # every other session has ended
    assert log_in(Browser(base_url)).status == 401
    assert log_in(Browser(base_url), password=NEW_PASSWORD).path == "/account"
    assert inbox(base_url, ADA)[0]["subject"] == "Your password was changed"
    assert member().verified is True  # the link proved the address
    assert events() == [("member.created", None), ("member.updated", ["verified.updated"])]
    with db.reading() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
        # The mailbox is what was proved; the first log-in by the new password comes after.
        assert session.scalars(select(Session.methods).order_by(Session.seq)).all() == [["email"], ["pwd"]]
    assert {"password_reset.requested", "password.reset", "email.verified"} <= set(actions)


def test_a_link_is_good_once_and_a_look_is_no_use(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    link = reset_link(base_url)
    for _ in range(3):  # a scanner that follows links
        assert len(Browser(base_url).get(link).forms) == 1
        assert browser.session.head(link, timeout=20).status_code == 200
    form = browser.get(link).form()
    assert browser.submit(form, password=NEW_PASSWORD).path == "/account"
    page = Browser(base_url).get(link)
    assert (page.status, page.title.split(" – ")[0]) == (410, "This link is no longer good")
    assert page.forms == []
    again = Browser(base_url)
    again.get("/login")
    assert again.submit(form, password="another one of mine").status in (400, 410)
    assert log_in(Browser(base_url), password=NEW_PASSWORD).path == "/account"


@pytest.mark.database("sqlite")
def test_a_password_that_cannot_be_leaves_the_link_good(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    page = browser.get(reset_link(base_url))
    for password, words in (("", "Choose a password."), ("short", "at least 8"), ("Passw0rd!", "guesser")):
        page = browser.submit(page.form(), password=password)
        assert page.status == 422
        assert words in page.text
    assert browser.submit(page.form(), password=NEW_PASSWORD).path == "/account"


def test_links_end_with_time_with_the_address_and_with_each_other(base_url: str) -> None:
    sign_up(base_url)
    first, second = reset_link(base_url), reset_link(base_url)
    browser = Browser(base_url)
    assert browser.submit(browser.get(first).form(), password=NEW_PASSWORD).path == "/account"
    assert Browser(base_url).get(second).status == 410
    third = reset_link(base_url)
    with db.transaction() as session:
        session.execute(update(MailedToken).values(expires_at=clock.now()))
    assert Browser(base_url).get(third).status == 410
    for nonsense in ("", "?token=", "?token=x", "?token=" + "x" * 5000, "?token=%00"):
        assert Browser(base_url).get(f"/reset-password{nonsense}").status == 410, nonsense


@pytest.mark.database("sqlite")
def test_the_way_to_the_application_goes_on_in_the_browser_that_asked(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    page = browser.get("/login?next=/logout")
    assert "/forgot-password?next=%2Flogout" in page.html
    link = reset_link(base_url, browser, "/forgot-password?next=/logout")
    assert "next" not in Browser(base_url).get(link).form().values  # another browser: elsewhere it could harm
    assert browser.submit(browser.get(link).form(), password=NEW_PASSWORD).path == "/logout"


@pytest.mark.database("sqlite")
def test_links_come_from_the_base_url_alone(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    browser.session.headers.update({"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    browser.session.headers["Forwarded"] = "host=evil.example"
    ask(browser, "/forgot-password")
    mail = inbox(base_url, ADA)[0]
    assert "evil" not in f"{mail}"
    assert link_in(mail, "/reset-password").startswith(base_url)


@pytest.mark.database("sqlite")
def test_what_another_left_in_an_account_nobody_had_proved(base_url: str) -> None:
    """Somebody signs up with an address that is not theirs, and waits for its owner."""
    squatter = sign_up(base_url)
    owner = Browser(base_url)
    assert owner.submit(owner.get(reset_link(base_url)).form(), password=NEW_PASSWORD).path == "/account"
    assert squatter.get("/account").path == "/login"
    assert log_in(squatter, password=PASSWORD).status == 401


def test_a_link_raced_by_twenty_is_spent_once(app: Flask, base_url: str) -> None:
    sign_up(base_url)
    token = reset_link(base_url).partition("token=")[2]

    def finish(number: int) -> bool:
        with app.test_request_context():
            try:
                with db.transaction() as session:
                    resets.finish(session, token, f"hash {number}")
            except Gone:
                return False
            return True

    assert at_once(20, finish).count(True) == 1
    with db.reading() as session:
        assert tokens.look(session, tokens.RESET, token) is None


@pytest.mark.database("sqlite")
def test_no_token_is_stored_or_logged(base_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    sign_up(base_url)
    link = reset_link(base_url)
    Browser(base_url).get(link)
    token = link.partition("token=")[2]
    with db.reading() as session:
        for row in session.scalars(select(MailedToken)):
            assert token not in f"{vars(row)}"
    assert token not in capfd.readouterr().err


@pytest.mark.database("sqlite")
def test_a_member_without_a_password_gets_one(base_url: str) -> None:
    sign_up(base_url)
    with db.transaction() as session:
        session.execute(update(Member).values(password_hash=None))
    browser = Browser(base_url)
    assert browser.submit(browser.get(reset_link(base_url)).form(), password=NEW_PASSWORD).path == "/account"
    assert log_in(Browser(base_url), password=NEW_PASSWORD).path == "/account"
