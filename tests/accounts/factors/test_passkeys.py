"""What a passkey must prove, and what must not pass for one."""

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.accounts.factors.support import add_app, log_in, sign_up
from tests.support.authenticator import PRESENT, SYNCABLE, SYNCED, VERIFIED, Authenticator
from tests.support.forms import Browser, Form, Page
from tests.support.threads import at_once

from msidp import clock, db
from msidp.accounts import assurance, sessions, step_up
from msidp.accounts.factors import passkeys
from msidp.accounts.factors.models import Passkey
from msidp.accounts.models import Session
from msidp.errors import Invalid, Unauthorized
from msidp.factors import challenges
from msidp.factors.challenges import Challenges
from msidp.factors.models import SpentChallenge
from msidp.factors.passkeys import Site
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"base_url": settings.base_url.replace("127.0.0.1", "localhost")})


@pytest.fixture
def browser(base_url: str) -> Browser:
    found = Browser(base_url)
    sign_up(found)
    return found


@pytest.fixture
def other(base_url: str) -> Browser:
    return Browser(base_url)


def asked(page: Page, path: str) -> tuple[Form, dict[str, Any]]:
    """The form for a passkey's answer, and WebAuthn's options beside it."""
    found = re.search(r'data-options="([^"]+)"', page.html)
    assert found is not None, page.text
    return page.form(path), json.loads(unescape(found[1]))


def create(browser: Browser, authenticator: Authenticator, name: str = "Phone") -> Page:
    form, options = asked(browser.get("/account/passkeys/new"), "/new")
    return browser.submit(form, credential=authenticator.create(options), name=name)


def use(browser: Browser, authenticator: Authenticator, at: str = "/login") -> Page:
    form, options = asked(browser.get(at), "/login/passkey")
    return browser.submit(form, credential=authenticator.get(options))


@pytest.fixture
def phone(browser: Browser) -> Authenticator:
    """A passkey of ada's."""
    made = Authenticator(browser.base_url)
    assert create(browser, made).path == "/account/passkeys"
    return made


def count(model: Any) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def newest_session() -> Session:
    with db.reading() as session:
        return session.scalars(select(Session).order_by(Session.seq.desc())).first()


def test_from_creation_to_log_in(browser: Browser, other: Browser, phone: Authenticator) -> None:
    with db.reading() as session:
        [made] = session.scalars(select(Passkey)).all()
    assert (made.name, made.transports, made.synced) == ("Phone", ["internal"], False)
    assert use(other, phone, "/login?next=/logout").path == "/logout"
    assert newest_session().methods == ["hwk", "user", "uv"]
    assert other.get("/login/verify").status == 200


def test_a_synced_passkey_is_a_software_key(browser: Browser, other: Browser) -> None:
    synced = Authenticator(browser.base_url, flags=PRESENT | VERIFIED | SYNCABLE | SYNCED)
    create(browser, synced)
    assert use(other, synced).path == "/account"
    assert newest_session().methods == ["swk", "user", "uv"]
    assert "Synced" in browser.get("/account/passkeys").text


LIES: list[dict[str, Any]] = [
    {"origin": "https://evil.example"},
    {"rp_id": "evil.example"},
    {"flags": PRESENT},  # its holder was not verified
    {"flags": VERIFIED},  # nobody was there
    {"flags": PRESENT | VERIFIED | SYNCED},  # which cannot be
    {"id": b"another"},
    {"user": "bWVtX290aGVy"},
    {"user": None},
    {"key": Authenticator("").key},
]


def test_what_is_not_true_is_refused(browser: Browser, other: Browser, phone: Authenticator) -> None:
    for lie in LIES:
        page = use(other, replace(phone, **lie))
        assert page.status == 401, lie
        assert "cannot be used here" in page.text
        assert other.get("/account").path == "/login"
    for lie in LIES[:5]:
        assert create(browser, Authenticator(**{"origin": browser.base_url, **lie})).status == 422, lie
    assert count(Passkey) == 1
    assert use(other, phone).path == "/account"


def test_the_counter_moves_on(other: Browser, phone: Authenticator) -> None:
    for counter, good in ((5, True), (5, False), (4, False), (0, False), (6, True)):
        phone.counter = counter
        other.session.cookies.clear()
        assert (use(other, phone).path == "/account") is good, counter


# Challenges


def test_an_answer_is_good_once(browser: Browser, other: Browser, phone: Authenticator) -> None:
    form, options = asked(other.get("/login"), "/login/passkey")
    answer = phone.get(options)
    assert other.submit(form, credential="{}").status == 401  # spent by this
    again = other.submit(form, credential=answer)
    assert again.status == 400
    assert "open for too long" in again.text
    assert count(SpentChallenge) == 2


def test_a_challenge_raced_is_taken_once(app: Flask) -> None:
    made = Challenges(["a-secret-key"])
    challenge = made.make("sign in", "browser")

    def take(_number: int) -> bool:
        with app.app_context(), db.transaction() as session:
            return made.take(session, challenge.state, "sign in", "browser") == challenge.value

    assert sum(at_once(20, take)) == 1


def test_a_challenge_is_one_browsers_for_one_purpose_and_time(app: Flask) -> None:
    made = Challenges(["new-secret-key", "old-secret-key"])
    challenge = Challenges(["old-secret-key"]).make("sign in", "browser")
    with db.transaction() as session:
        for state, purpose, browser in (
            (challenge.state, "create mem_1", "browser"),
            (challenge.state, "sign in", "another"),
            (challenge.state[:-1], "sign in", "browser"),
            ("", "sign in", "browser"),
            ("é\0\ud800", "sign in", "browser"),
        ):
            assert made.take(session, state, purpose, browser) is None
    with time_machine.travel(clock.seconds(clock.now()) + 902), db.transaction() as session:
        assert made.take(session, challenge.state, "sign in", "browser") is None
    with db.transaction() as session:
        assert made.take(session, challenge.state, "sign in", "browser") == challenge.value
    with db.transaction() as session:
        assert challenges.purge_expired(session, clock.now()) == 0
        assert challenges.purge_expired(session, clock.now() + 2 * challenges.LIFETIME) == 1


def test_another_browsers_challenge(
    browser: Browser, other: Browser, base_url: str, phone: Authenticator
) -> None:
    _, options = asked(other.get("/login"), "/login/passkey")
    state = other.get("/login").form("/login/passkey").values["state"]
    form, _ = asked(Browser(base_url).get("/login"), "/login/passkey")
    victim = Browser(base_url)
    form = victim.get("/login").form("/login/passkey")
    form.values["state"] = state
    assert victim.submit(form, credential=phone.get(options)).status == 400


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.recursive(
        st.none() | st.text(max_size=4) | st.integers(),
        lambda inner: st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response", "userHandle", "clientDataJSON"]), inner
        ),
        max_leaves=8,
    ).map(json.dumps)
    | st.text()
    | st.just("[" * 20_000)
)
def test_hostile_answers_are_refused(app: Flask, text: str) -> None:
    site = Site("localhost", "http://localhost")
    with db.reading() as session:
        with pytest.raises(Unauthorized):
            passkeys.verify(session, site, b"challenge", text, None)
        with pytest.raises(Invalid):
            passkeys.register(session, site, "mem_1", b"challenge", text, "Phone")


# Managing them


def test_names_and_removal(browser: Browser, base_url: str, phone: Authenticator) -> None:
    page = browser.get("/account/passkeys")
    renamed = browser.submit(page.form("/name"), name="  Ada's <b>phone</b> ")
    assert "Ada's <b>phone</b>" in renamed.text
    assert "<b>phone" not in renamed.html
    for name in ("", " ", "x" * 61, "bell\x07"):
        assert browser.submit(page.form("/name"), name=name).status == 422
    stranger = Browser(base_url)
    sign_up(stranger, "bob@example.com")
    create(stranger, Authenticator(base_url))
    theirs = stranger.get("/account/passkeys")
    for path in ("/name", "/remove"):
        form = theirs.form(path)
        form.action = page.form(path).action
        assert stranger.submit(form).status == 404
    assert browser.submit(page.form("/remove")).path == "/account/passkeys"
    assert count(Passkey) == 1
    assert use(Browser(base_url), phone).status == 401


def test_the_same_passkey_twice_and_too_many(
    browser: Browser, phone: Authenticator, monkeypatch: Any
) -> None:
    _, options = asked(browser.get("/account/passkeys/new"), "/new")
    assert len(options["excludeCredentials"]) == 1
    assert create(browser, phone).status == 409
    monkeypatch.setattr("msidp.factors.passkeys.MAX_PASSKEYS", 1)
    assert create(browser, Authenticator(browser.base_url)).status == 409
    assert create(browser, Authenticator(browser.base_url), name="").status == 422


def test_a_passkey_takes_the_place_of_both_steps(
    browser: Browser, other: Browser, phone: Authenticator
) -> None:
    add_app(browser)
    page = log_in(other, at="/login?next=/logout")
    assert page.path == "/login/verify"
    form, options = asked(page, "/login/passkey")
    phone.user = None  # which may be left out where the page has named the passkeys it takes
    assert other.submit(form, credential=phone.get(options)).path == "/logout"
    assert newest_session().methods == ["hwk", "user", "uv"]
    assert "msidp_pending" not in other.session.cookies.get_dict()


def test_step_up_by_passkey(app: Flask, browser: Browser, other: Browser, phone: Authenticator) -> None:
    log_in(other)
    before = newest_session()
    login = sessions.Login(before.id, before.member_id, before.authenticated_at, ("pwd",), before.seen_at)
    path = step_up.url(login, [assurance.PHISHING_RESISTANT], "/logout")
    assert path == "/login/verify?next=%2Flogout"
    assert use(other, phone, path).path == "/logout"
    after = newest_session()
    assert (after.id, after.methods) == (before.id, ["hwk", "user", "uv"])
    assert after.authenticated_at > before.authenticated_at  # all of it was proved just now
    add_app(browser)
    path = step_up.url(login, [assurance.PHISHING_RESISTANT], "/logout")
    assert path == "/login/verify?next=%2Flogout&with=passkey"
    assert "Code from" not in other.get(path).text


def test_without_a_name_there_are_none(settings: Settings) -> None:
    from msidp.app import create_app

    app = create_app(settings.model_copy(update={"base_url": "http://127.0.0.1:8000"}))
    with app.app_context():
        client = app.test_client()
        assert "passkey" not in client.get("/login").text
        assert client.post("/login/passkey", headers={"Accept": "text/html"}).status_code in (400, 404)
        db.dispose()
