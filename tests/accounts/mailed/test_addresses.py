"""The proof of an address, and its change to another one."""

import pytest
from flask import Flask
from sqlalchemy import select, update
from tests.accounts.mailed.support import (
    ADA,
    NEW_PASSWORD,
    PASSWORD,
    events,
    inbox,
    link_in,
    log_in,
    member,
    sign_up,
)
from tests.support.forms import Browser, Page
from tests.support.threads import at_once

from msidp import clock, db
from msidp.accounts.mailed import addresses
from msidp.accounts.models import Session
from msidp.audit.models import AuditEntry
from msidp.errors import Gone

pytestmark = pytest.mark.database("sqlite")

NEW = "lovelace@example.com"


def press(browser: Browser, link: str) -> Page:
    """Follow a link and press the one button there."""
    page = browser.get(link)
    assert page.status == 200, page.text
    assert len(page.form().buttons) == 1
    return browser.submit(page.form())


def ask_to_change(browser: Browser, email: str = NEW) -> Page:
    return browser.submit(browser.get("/account/email").form("/account/email"), email=email)


def test_the_address_is_proved_after_sign_up(base_url: str) -> None:
    browser = sign_up(base_url)
    assert "Not confirmed" in browser.get("/account").text
    [mail] = inbox(base_url, ADA)
    link = link_in(mail, "/verify-email")
    for _ in range(3):
        assert Browser(base_url).get(link).status == 200
    assert member().verified is False
    assert press(Browser(base_url), link).title.startswith("Your address is confirmed")
    assert member().verified is True
    assert "Not confirmed" not in browser.get("/account").text
    assert events() == [("member.created", None), ("member.updated", ["verified.updated"])]
    assert Browser(base_url).get(link).status == 410


def test_the_proof_is_asked_for_once_more(base_url: str) -> None:
    browser = sign_up(base_url)
    page = browser.submit(browser.get("/account/email").form("/verify"))
    assert "We have mailed ada@example.com" in page.text
    assert len(inbox(base_url, ADA)) == 2
    press(browser, link_in(inbox(base_url, ADA)[0], "/verify-email"))
    assert member().verified is True
    assert [form.action.rpartition("/")[2] for form in browser.get("/account/email").forms] == ["email"]


def test_nobody_says_of_themselves_that_they_are_verified(base_url: str) -> None:
    browser = sign_up(base_url)
    form = browser.get("/account/email").form("/account/email")
    form.values |= {"verified": "true", "email_verified": "1"}
    browser.submit(form, email=NEW)
    assert (member().email, member().verified) == (ADA, False)


def test_a_new_address_needs_its_own_proof(base_url: str) -> None:
    browser = sign_up(base_url)
    press(browser, link_in(inbox(base_url, ADA)[0], "/verify-email"))
    page = ask_to_change(browser)
    assert f"We have mailed {NEW} a link" in page.text
    assert member().email == ADA
    [proof] = inbox(base_url, NEW)
    assert inbox(base_url, ADA)[0]["subject"] == "Your email address is about to change"
    link = link_in(proof, "/change-email")
    assert Browser(base_url).get(link).status == 200
    assert member().email == ADA
    assert press(Browser(base_url), link).title.startswith("Your address is changed")
    assert inbox(base_url, ADA)[0]["subject"] == "Your email address was changed"
    changed = member(NEW)
    assert changed.verified is True
    assert events()[-1] == ("member.updated", ["auth.email.updated"])
    assert log_in(Browser(base_url), NEW).path == "/account"
    assert log_in(Browser(base_url), ADA).status == 401
    with db.reading() as session:
        assert "email.changed" in session.scalars(select(AuditEntry.action)).all()


def test_the_former_address_stops_a_change(base_url: str) -> None:
    thief = sign_up(base_url)
    ask_to_change(thief)
    owner = Browser(base_url)
    page = press(owner, link_in(inbox(base_url, ADA)[0], "/keep-email"))
    assert page.path == "/reset-password"
    assert thief.get("/account").path == "/login"
    assert Browser(base_url).get(link_in(inbox(base_url, NEW)[0], "/change-email")).status == 410
    assert owner.submit(page.form(), password=NEW_PASSWORD).path == "/account"
    assert (member().email, member().verified) == (ADA, True)
    assert log_in(Browser(base_url), password=PASSWORD).status == 401


@pytest.mark.parametrize("which", ["before", "afterwards"])
def test_the_former_address_takes_a_change_back(base_url: str, which: str) -> None:
    """By the link that it was mailed when the change was asked for, or when it was made."""
    thief = sign_up(base_url)
    ask_to_change(thief)
    stop = link_in(inbox(base_url, ADA)[0], "/keep-email")
    press(thief, link_in(inbox(base_url, NEW)[0], "/change-email"))
    if which == "afterwards":
        stop = link_in(inbox(base_url, ADA)[0], "/keep-email")
    assert member(NEW).verified
    owner = Browser(base_url)
    page = press(owner, stop)
    assert page.path == "/reset-password"
    assert owner.submit(page.form(), password=NEW_PASSWORD).path == "/account"
    assert (member().email, member().verified) == (ADA, True)
    assert thief.get("/account").path == "/login"
    assert owner.get(stop).status == 410


def test_an_address_somebody_else_has(base_url: str) -> None:
    sign_up(base_url, NEW)
    browser = sign_up(base_url)
    page = ask_to_change(browser)
    assert f"We have mailed {NEW} a link" in page.text  # the page does not tell
    mail = inbox(base_url, NEW)[0]
    assert mail["subject"] == "Your email address is in use"
    assert "token=" not in mail["text"]


def test_an_address_that_was_taken_meanwhile(base_url: str) -> None:
    browser = sign_up(base_url)
    ask_to_change(browser)
    link = link_in(inbox(base_url, NEW)[0], "/change-email")
    sign_up(base_url, NEW)
    assert press(Browser(base_url), link).status == 410
    assert member().email == ADA


def test_only_the_latest_change_counts(base_url: str) -> None:
    browser = sign_up(base_url)
    ask_to_change(browser)
    ask_to_change(browser, "third@example.com")
    assert Browser(base_url).get(link_in(inbox(base_url, NEW)[0], "/change-email")).status == 410
    press(browser, link_in(inbox(base_url, "third@example.com")[0], "/change-email"))
    assert member("third@example.com").verified


def test_what_is_no_new_address(base_url: str) -> None:
    browser = sign_up(base_url)
    for email, words in (("", "Enter your email"), ("nonsense", "usable"), (" ADA@example.com", "already")):
        page = ask_to_change(browser, email)
        assert page.status == 422
        assert words in page.text


def test_a_change_asks_for_a_fresh_log_in(base_url: str) -> None:
    browser = sign_up(base_url)
    form = browser.get("/account/email").form("/account/email")
    with db.transaction() as session:
        session.execute(update(Session).values(authenticated_at=clock.now() - clock.HOUR))
    assert browser.submit(form, email=NEW).path == "/login"
    assert inbox(base_url, NEW) == []
    assert Browser(base_url).get("/account/email").path == "/login"


@pytest.mark.database("sqlite", "postgresql")
def test_a_change_raced_by_twenty_happens_once(app: Flask, base_url: str) -> None:
    browser = sign_up(base_url)
    ask_to_change(browser)
    token = link_in(inbox(base_url, NEW)[0], "/change-email").partition("token=")[2]

    def change(_number: int) -> bool:
        with app.test_request_context():
            try:
                with db.transaction() as session:
                    addresses.change(session, token)
            except Gone:
                return False
            return True

    assert at_once(20, change).count(True) == 1


@pytest.mark.parametrize(
    "path", ["/verify-email", "/change-email", "/keep-email", "/login/link", "/signup/finish"]
)
def test_links_that_are_none(base_url: str, path: str) -> None:
    browser = Browser(base_url)
    csrf = browser.get("/login").form("/login").values["csrf_token"]
    for token in ("", "x", "x" * 3000, "\0", "é"):
        assert browser.session.get(base_url + path, params={"token": token}, timeout=20).status_code == 410
        data = {"token": token, "csrf_token": csrf}
        assert browser.session.post(base_url + path, data=data, timeout=20).status_code == 410
    assert browser.session.post(base_url + path, data={"token": "x"}, timeout=20).status_code == 400


def test_a_link_does_nothing_for_another_purpose(base_url: str) -> None:
    browser = sign_up(base_url)
    ask_to_change(browser)
    verify = link_in(inbox(base_url, ADA)[1], "/verify-email")
    for path in ("/reset-password", "/change-email", "/keep-email", "/login/link", "/signup/finish"):
        assert browser.get(verify.replace("/verify-email", path)).status == 410
