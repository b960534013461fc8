"""Signing up by mail, where MSIDP_SIGN_UP_PROOF asks for it: the account begins with the link."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select
from tests.accounts.mailed.support import ADA, PASSWORD, events, inbox, link_in, log_in, member
from tests.support.forms import Browser, Page
from tests.support.threads import at_once

from msidp import db
from msidp.accounts.mailed import sign_up
from msidp.errors import Gone
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def proving(app: Flask, base_url: str) -> Iterator[str]:
    """The base URL of an instance that asks for the proof first."""
    settings = app.extensions["msidp_settings"]
    app.extensions["msidp_settings"] = settings.model_copy(update={"sign_up_proof": True})
    return base_url


def sign_up_at(
    base_url: str, email: str = ADA, password: str = PASSWORD, at: str = "/signup"
) -> tuple[Browser, Page]:
    browser = Browser(base_url)
    return browser, browser.submit(browser.get(at).form(), email=email, password=password, name="Ada L.")


def count() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Member)) or 0


def test_an_account_begins_with_the_link(proving: str) -> None:
    browser, page = sign_up_at(proving, at="/signup?next=/logout")
    assert (page.status, page.path) == (200, "/signup")
    assert page.title.startswith("Look into your mail")
    assert count() == 0
    assert browser.get("/account").path == "/login"
    link = link_in(inbox(proving, ADA)[0], "/signup/finish")
    for _ in range(3):
        assert len(Browser(proving).get(link).forms) == 1
    assert count() == 0
    assert browser.submit(browser.get(link).form()).path == "/logout"  # where it was going
    made = member()
    assert (made.verified, made.profile) == (True, {"name": "Ada L."})
    assert events() == [("member.created", None)]
    assert log_in(Browser(proving)).path == "/account"
    assert Browser(proving).get(link).status == 410


def test_a_known_address_gets_the_same_page_and_a_mail_of_its_own(proving: str) -> None:
    browser, new_page = sign_up_at(proving)
    browser.submit(browser.get(link_in(inbox(proving, ADA)[0], "/signup/finish")).form())
    _, known_page = sign_up_at(proving, password="another one of mine")
    _, own_page = sign_up_at(proving)  # the right password is no way in either
    assert known_page.status == own_page.status == new_page.status == 200
    assert known_page.text == own_page.text == new_page.text
    mail = inbox(proving, ADA)[0]
    assert mail["subject"] == "You have an account already"
    assert "token=" not in mail["text"] + mail["html"]
    assert count() == 1
    assert log_in(Browser(proving)).path == "/account"


def test_two_who_sign_up_with_one_address(proving: str) -> None:
    """Only the mailbox's owner can finish, and each link makes an account with its own password."""
    sign_up_at(proving, password="what the other chose")
    sign_up_at(proving)
    newest, oldest = (link_in(mail, "/signup/finish") for mail in inbox(proving, ADA))
    browser = Browser(proving)
    assert browser.submit(browser.get(newest).form()).path == "/account"
    late = Browser(proving)
    assert late.submit(late.get(oldest).form()).status == 410
    assert log_in(Browser(proving), password="what the other chose").status == 401


@pytest.mark.database("sqlite", "postgresql")
def test_a_link_raced_by_twenty_makes_one_account(app: Flask, proving: str) -> None:
    sign_up_at(proving)
    token = link_in(inbox(proving, ADA)[0], "/signup/finish").partition("token=")[2]

    def finish(_number: int) -> bool:
        with app.test_request_context():
            try:
                with db.transaction() as session:
                    sign_up.finish(session, token)
            except Gone:
                return False
            return True

    assert at_once(20, finish).count(True) == 1
    assert count() == 1
