"""Signing in without a password, by code and by link."""

import pytest
from flask import Flask
from sqlalchemy import select, update
from tests.accounts.mailed.support import ADA, ask, code_in, events, inbox, link_in, log_in, member, sign_up
from tests.support.forms import Browser, Page
from tests.support.threads import at_once

from msidp import clock, db
from msidp.accounts.mailed import sign_in, tokens
from msidp.accounts.mailed.models import MailedToken
from msidp.accounts.models import Session

pytestmark = pytest.mark.database("sqlite")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def enter(browser: Browser, code: str) -> Page:
    return browser.submit(browser.get("/login/code").form(), code=code)


@pytest.mark.database("sqlite", "postgresql")
def test_by_code(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    page = ask(browser, "/login/mail?next=/logout")
    assert page.path == "/login/code"
    assert ADA in page.text
    code = code_in(inbox(base_url, ADA)[0])
    page = browser.submit(page.form(), code=f" {code[:3]} {code[3:]} ")
    assert page.path == "/logout"
    assert "ada@example.com" in browser.get("/account").text
    with db.reading() as session:
        assert ["email"] in session.scalars(select(Session.methods)).all()
    assert member().verified is True
    assert events() == [("member.created", None), ("member.updated", ["verified.updated"])]


def test_a_code_is_good_once_and_in_one_browser(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail")
    code = code_in(inbox(base_url, ADA)[0])
    other = Browser(base_url)
    assert other.get("/login/code").path == "/login/mail"
    ask(other, "/login/mail", "nobody@example.com")
    assert enter(other, code).status == 401
    assert enter(browser, code).path == "/account"
    browser.submit(browser.get("/logout").form())
    assert browser.get("/login/code").path == "/login/mail"  # it is used up


def test_five_tries(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail")
    code = code_in(inbox(base_url, ADA)[0])
    for _ in range(4):
        page = enter(browser, wrong(code))
        assert page.status == 401
        assert "This code is wrong, or no longer good." in page.text
    form = browser.get("/login/code").form()
    assert browser.submit(form, code=wrong(code)).status == 401
    assert browser.submit(form, code=code).path == "/login/mail"


def test_the_latest_code_counts(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail")
    with db.transaction() as session:
        session.execute(update(MailedToken).values(created_at=MailedToken.created_at - 1000))
    first = code_in(inbox(base_url, ADA)[0])
    ask(browser, "/login/mail")
    second = code_in(inbox(base_url, ADA)[0])
    if first != second:
        assert enter(browser, first).status == 401
    assert enter(browser, second).path == "/account"


def test_by_link_in_any_browser_once(base_url: str) -> None:
    sign_up(base_url)
    browser, phone = Browser(base_url), Browser(base_url)
    ask(browser, "/login/mail?next=/logout")
    link = link_in(inbox(base_url, ADA)[0], "/login/link")
    for _ in range(3):
        assert len(Browser(base_url).get(link).forms) == 1
    page = phone.get(link)
    assert [button[2] for button in page.form().buttons] == ["Sign in"]
    assert phone.submit(page.form()).path == "/account"  # not where the other browser was going
    assert browser.get(link).status == 410
    assert browser.get("/login/code").path == "/login/mail"  # one token: the code went with the link


def test_by_link_in_the_browser_that_asked(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail?next=/logout")
    page = browser.get(link_in(inbox(base_url, ADA)[0], "/login/link"))
    assert browser.submit(page.form()).path == "/logout"


def test_nobodys_address_looks_the_same(base_url: str) -> None:
    sign_up(base_url)
    known, unknown = Browser(base_url), Browser(base_url)
    pages = [ask(known, "/login/mail"), ask(unknown, "/login/mail", "eve@example.com")]
    assert pages[0].text.replace(ADA, "") == pages[1].text.replace("eve@example.com", "")
    refused = [enter(known, "000000x"), enter(unknown, "000000x")]
    assert refused[0].status == refused[1].status == 401
    assert refused[0].text.replace(ADA, "") == refused[1].text.replace("eve@example.com", "")
    assert inbox(base_url, "eve@example.com") == []


def test_codes_end_with_time(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail")
    form = browser.get("/login/code").form()
    code = code_in(inbox(base_url, ADA)[0])
    with db.transaction() as session:
        session.execute(update(MailedToken).values(expires_at=clock.now()))
    assert browser.submit(form, code=code).path == "/login/mail"


def test_hostile_codes(base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail")
    form = browser.get("/login/code").form()
    for code, status in (("", 422), ("\0", 401), ("٣" * 6, 401), ("x" * 5000, 401), ("' OR 1=1", 401)):
        assert browser.submit(form, code=code).status == status, code


def test_what_a_squatter_left_is_taken_away(base_url: str) -> None:
    squatter = sign_up(base_url)
    owner = Browser(base_url)
    ask(owner, "/login/mail")
    assert enter(owner, code_in(inbox(base_url, ADA)[0])).path == "/account"
    assert squatter.get("/account").path == "/login"
    assert log_in(squatter).status == 401
    assert "removed" in inbox(base_url, ADA)[0]["subject"]


def test_what_a_member_has_proved_stays(base_url: str) -> None:
    first = sign_up(base_url)
    page = first.get(link_in(inbox(base_url, ADA)[0], "/verify-email"))
    first.submit(page.form())
    other = Browser(base_url)
    ask(other, "/login/mail")
    assert enter(other, code_in(inbox(base_url, ADA)[0])).path == "/account"
    assert first.get("/account").path == "/account"
    assert log_in(Browser(base_url)).path == "/account"


@pytest.mark.database("sqlite", "postgresql")
def test_a_code_raced_by_twenty_is_spent_once(app: Flask, base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail")
    code = code_in(inbox(base_url, ADA)[0])
    secret = browser.session.cookies["msidp_mailed"]
    with db.transaction() as session:
        session.execute(update(MailedToken).values(tries_left=100))

    def spend(_number: int) -> bool:
        with app.test_request_context(), db.transaction() as session:
            return sign_in.by_code(session, secret, code) is not None

    assert at_once(20, spend).count(True) == 1


@pytest.mark.database("sqlite", "postgresql")
def test_tries_raced_by_twenty_are_five(app: Flask, base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    ask(browser, "/login/mail")
    code = code_in(inbox(base_url, ADA)[0])
    secret = browser.session.cookies["msidp_mailed"]

    def spend(_number: int) -> bool:
        with app.app_context(), db.transaction() as session:
            return tokens.spend_code(session, secret, wrong(code)) is not None

    assert at_once(20, spend).count(True) == 0
    with db.reading() as session:
        tries = session.scalars(select(MailedToken.tries_left).where(MailedToken.code_hash.is_not(None)))
        assert tries.all() == [0]
