"""The authenticator app and its recovery codes, as a browser without JavaScript meets them."""

import pyotp
import pytest
import requests
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.accounts.factors.support import ADA, PASSWORD, add_app, begin, code, codes_on, log_in, sign_up
from tests.support.forms import Browser, Page
from tests.support.threads import at_once

from msidp import clock, db
from msidp.accounts import assurance, sessions, step_up
from msidp.accounts.factors import recovery, second_step, totp
from msidp.accounts.factors.models import AuthenticatorApp, PendingLogin, RecoveryCode
from msidp.accounts.models import Session
from msidp.audit.models import AuditEntry
from msidp.factors.recovery import COUNT
from msidp.members.models import Member
from msidp.vault.fields import FieldCipher, cipher

WRONG = "000000"


@pytest.fixture
def browser(base_url: str) -> Browser:
    found = Browser(base_url)
    sign_up(found)
    return found


@pytest.fixture
def other(base_url: str) -> Browser:
    """Another browser of the same member."""
    return Browser(base_url)


def member() -> Member:
    with db.reading() as session:
        return session.scalars(select(Member)).one()


def the_sessions() -> list[Session]:
    with db.reading() as session:
        return list(session.scalars(select(Session).order_by(Session.seq)))


def actions() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))


def logged_in(browser: Browser) -> bool:
    return browser.get("/account").path == "/account"


def by_recovery(browser: Browser, page: Page, text: str) -> Page:
    page = browser.get(f"{page.url}{'&' if '?' in page.url else '?'}with=recovery-code")
    return browser.submit(page.form(), recovery_code=text)


def test_from_set_up_to_log_in(browser: Browser, other: Browser) -> None:
    page, secret = begin(browser)
    picture = browser.session.get(f"{browser.base_url}/account/two-factor/qr.svg", timeout=10)
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    assert picture.headers["Cache-Control"] == "no-store"
    assert log_in(other).path == "/account"  # what is not confirmed asks for nothing
    page = browser.submit(page.form("/set-up"), code=WRONG)
    assert page.status == 401
    assert secret in page.text.replace(" ", "")
    page = browser.submit(page.form("/set-up"), code=f" {code(secret, -1)[:3]} {code(secret, -1)[3:]} ")
    assert len(codes_on(page)) == COUNT
    assert the_sessions()[0].methods == ["pwd", "otp"]

    browser.submit(browser.get("/logout").form())
    page = log_in(browser, at="/login?next=/logout")
    assert page.path == "/login/verify"
    assert not logged_in(browser)
    page = browser.submit(page.form(), code=WRONG)
    assert (page.status, page.title.startswith("Error: ")) == (401, True)
    page = browser.submit(page.form(), code=code(secret))
    assert page.path == "/logout"
    assert the_sessions()[-1].methods == ["pwd", "otp"]
    assert actions() == [
        "member.logged_in", "member.logged_in", "second_factor.added", "second_factor.refused",
        "member.logged_in",
    ]  # fmt: skip
    with db.reading() as session:
        assert session.scalars(select(PendingLogin)).all() == []


@pytest.mark.database("sqlite")
def test_a_code_is_good_once(browser: Browser, other: Browser, base_url: str) -> None:
    secret, _ = add_app(browser)
    shown = code(secret)
    assert other.submit(log_in(other).form(), code=shown).path == "/account"
    third = Browser(base_url)
    page = third.submit(log_in(third).form(), code=shown)
    assert page.status == 401
    assert "used before" in page.text
    assert third.submit(page.form(), code=code(secret, -1)).status == 401  # nor one that is older
    assert third.submit(page.form(), code=code(secret, 1)).path == "/account"


@pytest.mark.parametrize(("offset", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
@pytest.mark.database("sqlite")
def test_clocks_may_differ_by_a_step(browser: Browser, offset: int, good: bool) -> None:
    with time_machine.travel(1_800_000_015, tick=False), db.transaction() as session:
        totp.begin(session, cipher(), member().id)
        secret = totp.unconfirmed_secret(session, cipher(), member().id)
        assert secret is not None
        assert totp.confirm(session, cipher(), member().id, code(secret, offset)) is good


def test_a_code_raced_is_taken_once(browser: Browser, app: Flask) -> None:
    secret, _ = add_app(browser)
    id_, sealer, shown = member().id, cipher(), code(secret)

    def use(_number: int) -> bool:
        with app.app_context(), db.transaction() as session:
            return totp.use(session, sealer, id_, shown)

    assert sum(at_once(20, use)) == 1


def test_a_recovery_code_raced_is_spent_once(browser: Browser, app: Flask) -> None:
    _, codes = add_app(browser)
    id_ = member().id

    def use(_number: int) -> bool:
        with app.app_context(), db.transaction() as session:
            return recovery.use(session, id_, codes[0])

    assert sum(at_once(20, use)) == 1
    with db.reading() as session:
        assert recovery.count(session, id_) == COUNT - 1


def test_recovery_codes_let_in_once(browser: Browser, other: Browser) -> None:
    _, codes = add_app(browser)
    page = by_recovery(other, log_in(other), codes[3].upper().replace("0", "O").replace("-", " "))
    assert page.path == "/account"
    assert the_sessions()[-1].methods == ["pwd", "otp"]
    assert "recovery_code.used" in actions()
    other.submit(other.get("/logout").form())
    page = by_recovery(other, log_in(other), codes[3])
    assert page.status == 401
    assert "Recovery code" in page.text  # the page still asks for one
    letters = browser.session.get(f"{browser.base_url}/dev/inbox", headers={"Accept": "application/json"})
    assert [letter["subject"] for letter in letters.json()["data"]][:2] == [
        "A recovery code was used to sign in",
        "Two-factor sign-in with an authenticator app was switched on",
    ]
    assert "9 of your codes are left" in browser.get("/account/two-factor").text

    fresh = codes_on(browser.submit(browser.get("/account/two-factor").form("/recovery-codes")))
    assert len(set(fresh) | set(codes)) == 2 * COUNT
    assert by_recovery(other, page, codes[4]).status == 401
    assert by_recovery(other, page, fresh[4]).path == "/account"


@pytest.mark.database("sqlite")
def test_nothing_of_it_is_readable_in_the_database(browser: Browser) -> None:
    secret, codes = add_app(browser)
    with db.reading() as session:
        app = session.scalars(select(AuthenticatorApp)).one()
        hashes = " ".join(session.scalars(select(RecoveryCode.code_hash)))
    assert secret not in app.sealed_secret
    assert not any(text in hashes for text in codes + [text.replace("-", "") for text in codes])
    assert cipher().open(app.sealed_secret, f"authenticator_app:{member().id}") == secret


@pytest.mark.database("sqlite")
def test_a_secret_sealed_under_a_lost_key_refuses(browser: Browser, other: Browser) -> None:
    secret, codes = add_app(browser)
    with db.transaction() as session:
        sealed = FieldCipher(("another-secret-key",)).seal(secret, f"authenticator_app:{member().id}")
        session.execute(update(AuthenticatorApp).values(sealed_secret=sealed))
    page = other.submit(log_in(other).form(), code=code(secret))
    assert page.status == 401
    assert by_recovery(other, page, codes[0]).path == "/account"


@pytest.mark.database("sqlite")
def test_switching_it_off(browser: Browser, other: Browser) -> None:
    add_app(browser)
    page = browser.submit(browser.get("/account/two-factor").form("/remove"))
    assert "Set up an authenticator app" in page.text
    assert log_in(other).path == "/account"
    assert actions()[-2] == "second_factor.removed"
    with db.reading() as session:
        assert session.scalars(select(RecoveryCode)).all() == []


@pytest.mark.database("sqlite")
def test_an_operator_helps_who_has_lost_both(browser: Browser, other: Browser, admin: FlaskClient) -> None:
    path = f"/members/{member().id}/factors"
    nothing = {"password": True, "authenticatorApp": False, "recoveryCodes": 0, "passkeys": []}
    assert admin.get(path).json == {"data": nothing}
    add_app(browser)
    assert admin.get(path).json == {"data": {**nothing, "authenticatorApp": True, "recoveryCodes": 10}}
    assert admin.delete(f"{path}/authenticator-app").json == {"data": {"id": member().id}}
    assert admin.get(path).json == {"data": nothing}
    assert log_in(other).path == "/account"
    assert actions()[-2] == "second_factor.removed"
    assert admin.delete(f"{path}/authenticator-app").status_code == 404
    assert admin.get("/members/mem_none/factors").status_code == 404


@pytest.mark.database("sqlite")
def test_a_second_app_needs_the_first_one_removed(browser: Browser, other: Browser) -> None:
    secret, _ = add_app(browser)
    form = browser.get("/account/two-factor").form("/remove")
    form.action = form.action.replace("/remove", "/start")
    assert browser.submit(form).status == 409
    assert other.submit(log_in(other).form(), code=code(secret)).path == "/account"
    assert browser.get("/account/two-factor/set-up").path == "/account/two-factor"
    picture = browser.session.get(f"{browser.base_url}/account/two-factor/qr.svg", timeout=10)
    assert picture.status_code == 404  # a secret in use is never shown again


@pytest.mark.database("sqlite")
def test_what_is_grave_asks_for_a_fresh_log_in(browser: Browser) -> None:
    form = browser.get("/account/two-factor").form("/start")
    with db.transaction() as session:
        session.execute(update(Session).values(authenticated_at=clock.now() - 11 * clock.MINUTE))
    page = browser.submit(form)
    assert page.path == "/login"
    assert "Please sign in again" in page.text
    assert page.form().values["email"] == ADA
    before = the_sessions()[0]
    page = browser.submit(page.form(), password=PASSWORD)
    assert page.path == "/account/two-factor"
    [after] = the_sessions()
    assert after.id == before.id  # applications know it as `sid`
    assert after.token_hash != before.token_hash
    assert browser.submit(page.form("/start")).path == "/account/two-factor/set-up"


# Between the steps


@pytest.mark.database("sqlite")
def test_who_waits_is_not_logged_in(browser: Browser, other: Browser) -> None:
    add_app(browser)
    page = log_in(other)
    assert not logged_in(other)
    cookies = other.session.cookies.get_dict()
    assert "msidp_pending" in cookies
    assert "msidp_session" not in cookies
    assert cookies["msidp_pending"] not in str(the_sessions())
    assert other.get("/account/two-factor").path == "/login"
    assert page.form().values.keys() == {"csrf_token", "code"}


def test_the_waiting_ends_by_time(browser: Browser, other: Browser) -> None:
    secret, _ = add_app(browser)
    page = log_in(other)
    with time_machine.travel(clock.seconds(clock.now()) + 601):
        assert other.submit(page.form(), code=code(secret)).path == "/login"
        with db.transaction() as session:
            assert second_step.purge_expired(session, clock.now()) == 1
    assert not logged_in(other)


def test_the_waiting_ends_with_the_password(browser: Browser, other: Browser) -> None:
    secret, _ = add_app(browser)
    page = log_in(other)
    with db.transaction() as session:
        session.execute(update(Member).values(password_hash="another"))
    assert other.submit(page.form(), code=code(secret)).path == "/login"
    assert not logged_in(other)


@pytest.mark.database("sqlite")
def test_nobody_waits_without_their_cookie(browser: Browser, base_url: str) -> None:
    for token in (None, "garbage", "x" * 5000):
        stranger = Browser(base_url)
        if token:
            stranger.session.cookies.set("msidp_pending", token)
        assert stranger.get("/login/verify").path == "/login"


@pytest.mark.database("sqlite")
def test_signing_up_again_does_not_step_around_it(browser: Browser, other: Browser) -> None:
    add_app(browser)
    assert sign_up(other).path == "/login/verify"
    assert not logged_in(other)


# More proof from a member who is logged in


def test_step_up_adds_the_code_to_the_session(browser: Browser, other: Browser) -> None:
    log_in(other)
    secret, _ = add_app(browser)
    [_, before] = the_sessions()
    login = sessions.Login(before.id, before.member_id, before.authenticated_at, ("pwd",), before.seen_at)
    path = step_up.url(login, [assurance.TWO_FACTORS], "/logout")
    assert path == "/login/verify?next=%2Flogout"
    assert step_up.url(login, [assurance.PHISHING_RESISTANT], "/logout") is None
    assert step_up.url(login, ["urn:unknown", assurance.TWO_FACTORS], "/logout") == path
    token = other.session.cookies.get_dict()["msidp_session"]
    page = other.get(path)
    assert "another account" not in page.text
    assert other.submit(page.form(), code=code(secret)).path == "/logout"
    [_, after] = the_sessions()
    assert (after.id, after.methods) == (before.id, ["pwd", "otp"])
    assert after.authenticated_at == before.authenticated_at  # the password is as old as it was
    assert after.token_hash != before.token_hash
    stale = requests.get(
        f"{other.base_url}/account", cookies={"msidp_session": token}, allow_redirects=False, timeout=10
    )
    assert stale.status_code == 303


@pytest.mark.database("sqlite")
def test_step_up_without_means(browser: Browser) -> None:
    [found] = the_sessions()
    login = sessions.Login(found.id, found.member_id, found.authenticated_at, ("pwd",), found.seen_at)
    assert step_up.url(login, [assurance.TWO_FACTORS], "/logout") is None


# Guessing


@pytest.mark.database("sqlite")
def test_codes_have_their_own_throttle(browser: Browser, other: Browser) -> None:
    secret, codes = add_app(browser)
    page = log_in(other)
    for _ in range(10):
        page = other.submit(page.form(), code=WRONG)
        assert page.status == 401
    page = other.submit(page.form(), code=code(secret))
    assert page.status == 429
    assert 0 < int(page.headers["Retry-After"]) <= 900
    assert by_recovery(other, page, codes[0]).status == 429  # guesses at either count together
    assert log_in(other).path == "/login/verify"  # the password's counters are others


@pytest.mark.database("sqlite")
def test_hostile_codes(browser: Browser, other: Browser) -> None:
    secret, _ = add_app(browser)
    page = log_in(other)
    thai = "".join(chr(0xE50 + int(digit)) for digit in code(secret))
    for text in (thai, "\0", "1" * 5000, code(secret) + "0", "-12345", "１２３４５６"):
        assert other.submit(page.form(), code=text).status == 401, text
    assert other.submit(page.form(), code="  ").status == 422
    for text in ("\0" * 16, "é" * 16, "0" * 16):
        assert by_recovery(other, page, text).status in (401, 429)


@pytest.mark.database("sqlite")
def test_forms_from_elsewhere_change_nothing(browser: Browser) -> None:
    secret, _ = add_app(browser)
    for path in ("start", "set-up", "recovery-codes", "remove"):
        answer = browser.session.post(
            f"{browser.base_url}/account/two-factor/{path}",
            data={"code": code(secret)},
            allow_redirects=False,
            timeout=10,
        )
        assert answer.status_code in (400, 303), path
    assert pyotp.TOTP(secret).verify(code(secret))
    with db.reading() as session:
        assert totp.is_on(session, member().id)
        assert recovery.count(session, member().id) == COUNT
