"""What members change of themselves, as a browser without JavaScript walks it."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from tests.accounts.factors.support import ADA, PASSWORD, log_in, sign_up
from tests.support.forms import Browser, Page

from msidp import clock, db
from msidp.accounts import sessions, throttle
from msidp.accounts.models import Session
from msidp.audit.models import AuditEntry
from msidp.members.models import Member
from msidp.oidc.models import Consent, Grant
from msidp.vault.passwords import verify_password
from msidp.webhooks.models import Event

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def browser(base_url: str) -> Browser:
    found = Browser(base_url)
    sign_up(found)
    return found


@pytest.fixture
def other(base_url: str, browser: Browser) -> Browser:
    """Another browser of the same member, logged in."""
    found = Browser(base_url)
    assert log_in(found).path == "/account"
    return found


def member() -> Member:
    with db.reading() as session:
        return session.scalars(select(Member)).one()


def events() -> list[tuple[str, Any]]:
    with db.reading() as session:
        rows = session.execute(select(Event.type, Event.data).order_by(Event.seq))
        return [(row.type, row.data.get("reason")) for row in rows]


def actions() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))


def letters(browser: Browser) -> list[str]:
    answer = browser.session.get(f"{browser.base_url}/dev/inbox", headers={"Accept": "application/json"})
    return [letter["subject"] for letter in answer.json()["data"]]


def grow_old() -> None:
    """Make every log-in eleven minutes old."""
    with db.transaction() as session:
        session.execute(update(Session).values(authenticated_at=clock.now() - 11 * clock.MINUTE))


def logged_in(browser: Browser) -> bool:
    return browser.get("/account").path == "/account"


# Profile


def save(browser: Browser, **fields: str) -> Page:
    return browser.submit(browser.get("/account/profile").form("/account/profile"), **fields)


def test_a_profile_is_saved_and_an_event(browser: Browser) -> None:
    page = save(
        browser, name="  Ada   Lovelace ", given_name="Ada", birthdate="1915-12-10",
        website="https://ada.example", zoneinfo="Europe/London", locale="en-GB", gender="female",
        phone_number="+44 (20) 7946-0958", street_address="12 St James's Square", locality="London",
    )  # fmt: skip
    assert "Your profile is saved." in page.text
    assert member().profile == {
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "birthdate": "1915-12-10",
        "website": "https://ada.example",
        "zoneinfo": "Europe/London",
        "locale": "en-GB",
        "gender": "female",
        "phone_number": "+442079460958",
        "address": {"street_address": "12 St James's Square", "locality": "London"},
    }
    assert events() == [("member.created", None), ("member.updated", ["profile.updated"])]
    assert save(browser).path == "/account"  # what changes nothing is no event
    assert len(events()) == 2
    save(browser, name="", street_address="", locality="", phone_number="")
    assert {"name", "address", "phone_number"}.isdisjoint(member().profile)


IMPOSSIBLE = [
    ("birthdate", "yesterday"), ("birthdate", "1990-02-30"), ("birthdate", "2999-01-01"), ("birthdate", "0"),
    ("birthdate", "１９９０"), ("birthdate", "19901231"), ("birthdate", "1990-W01-1"),
    ("website", "javascript:alert(1)"), ("website", "ada.example"), ("website", "http://[::1"),
    ("zoneinfo", "Mars/Base"), ("zoneinfo", "../../etc/passwd"), ("locale", "english please"),
    ("phone_number", "020 7946 0958"), ("phone_number", "+1"), ("name", "x" * 201), ("name", "bell\x07"),
    ("nickname", "\0"),
]  # fmt: skip


def test_what_is_no_such_claim_comes_back(browser: Browser) -> None:
    for name, value in IMPOSSIBLE:
        page = save(browser, **{name: value, "gender": "kept"})
        assert page.status == 422, (name, value)
        assert f'id="{name}-error"' in page.html
        assert page.form("/account/profile").values["gender"] == "kept"
    assert len(events()) == 1


def test_what_an_operator_wrote_stays(browser: Browser, admin: FlaskClient) -> None:
    profile = {
        "phone_number": "ask at the door",
        "address": {"formatted": "The old mill"},
        "picture": "https://x.y/z",
    }
    assert admin.patch(f"/members/{member().id}", json={"profile": profile}).status_code == 200
    assert save(browser, name="Ada").path == "/account"
    assert member().profile == {**profile, "name": "Ada"}
    save(browser, locality="London")
    assert member().profile["address"] == {"locality": "London"}  # the formatted form was another address


# Password


def change(browser: Browser, *, keep: bool = False, **fields: str) -> Page:
    form = browser.get("/account/password").form("/account/password")
    if not keep:
        form.values["end_others"] = "1"
    else:
        form.values.pop("end_others", None)
    return browser.submit(form, **fields)


@pytest.mark.database("sqlite", "postgresql")
def test_a_password_is_changed(browser: Browser, other: Browser) -> None:
    page = change(browser, current_password="wrong one", new_password="another horse")
    assert page.status == 401
    assert "another horse" not in page.html
    assert change(browser, current_password="", new_password="short").status == 422
    token = browser.session.cookies.get_dict()["msidp_session"]
    page = change(browser, keep=True, current_password=PASSWORD, new_password="another horse")
    assert "Your password is changed." in page.text
    assert browser.session.cookies.get_dict()["msidp_session"] != token
    assert verify_password("another horse", member().password_hash)
    assert logged_in(other)
    assert change(browser, current_password="another horse", new_password="third horse").path == "/account"
    assert logged_in(browser)
    assert not logged_in(other)
    assert events() == [("member.created", None)]  # no event: nobody else is concerned
    assert actions().count("password.changed") == 2
    assert letters(browser)[0] == "Your password was changed"


def test_a_present_password_is_not_guessed(browser: Browser) -> None:
    for _ in range(19):
        throttle.take(throttle.limits(f"{member().community_id} {ADA}", None))
    assert change(browser, current_password="wrong one", new_password="another horse").status == 401
    assert change(browser, current_password=PASSWORD, new_password="another horse").status == 429


def test_who_has_no_password_chooses_one(browser: Browser) -> None:
    with db.transaction() as session:
        session.execute(update(Member).values(password_hash=None))
    form = browser.get("/account/password").form("/account/password")
    assert "current_password" not in form.values
    assert browser.submit(form, new_password="a first horse").path == "/account"
    with db.transaction() as session:
        session.execute(update(Member).values(password_hash=None))
    grow_old()
    assert browser.submit(form, new_password="a second horse").path == "/login"


# Sessions


def test_sessions_are_seen_and_ended(browser: Browser, other: Browser, base_url: str) -> None:
    third = Browser(base_url)
    third.session.headers["User-Agent"] = "Mozilla/5.0 (iPhone) Version/19.0 Mobile Safari/605.1"
    log_in(third)
    page = browser.get("/account/sessions")
    assert page.text.count("This browser") == 1
    assert "Safari on iPhone" in page.text
    assert "From 127.0.0.1." in page.text
    with db.reading() as session:
        newest = sessions.list_of(session, member().id)[0]
    form = page.form(f"/{newest.id}/end")
    assert browser.submit(form).path == "/account/sessions"
    assert not logged_in(third)
    assert logged_in(other)
    assert browser.submit(form).status == 404
    browser.submit(browser.get("/account/sessions").form("/end-others"))
    assert not logged_in(other)
    assert logged_in(browser)
    assert letters(browser)[0] == "You were signed out everywhere"
    own = browser.get("/account/sessions").form("/end")
    assert browser.submit(own).path == "/login"


def test_nobody_ends_anothers_session(browser: Browser, base_url: str) -> None:
    mine = browser.get("/account/sessions").form("/end")
    stranger = Browser(base_url)
    sign_up(stranger, "bob@example.com")
    form = stranger.get("/account/sessions").form("/end")
    form.action = mine.action
    assert stranger.submit(form).status == 404
    assert logged_in(browser)


# Connected applications


@pytest.fixture
def connected(browser: Browser, admin: FlaskClient) -> str:
    """An application that the member has consented to. Returns its id."""
    body = {"name": "Acme Notes", "type": "web", "redirectUris": ["https://notes.example/cb"]}
    made = admin.post("/applications", json=body).json["data"]
    page = browser.get(
        f"/authorize?response_type=code&client_id={made['clientId']}&redirect_uri=https://notes.example/cb"
        "&scope=openid%20email"
    )
    answer = browser.submit(page.form("/consent"), button="allow")
    assert "code" in answer.redirect_query
    return str(made["id"])


@pytest.mark.database("sqlite", "postgresql")
def test_applications_are_seen_and_disconnected(browser: Browser, connected: str, base_url: str) -> None:
    page = browser.get("/account/applications")
    assert "Acme Notes" in page.text
    assert "See your email address" in page.text
    stranger = Browser(base_url)
    sign_up(stranger, "bob@example.com")
    assert "Acme Notes" not in stranger.get("/account/applications").text
    page = browser.submit(page.form("/disconnect"))
    assert "No application has access" in page.text
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 0
        assert session.scalars(select(Grant.revoked_at)).one() is not None
    assert [each for each in actions() if "application" in each] == [
        "application.created", "application.connected", "application.disconnected",
    ]  # fmt: skip


# Data


@pytest.mark.database("sqlite", "postgresql")
def test_the_export_holds_what_is_kept(browser: Browser, connected: str, admin: FlaskClient) -> None:
    save(browser, name='Ada "\u200d" Lovelace')
    admin.patch(f"/members/{member().id}", json={"customFields": {"a": 1}})
    answer = browser.session.get(f"{browser.base_url}/account/export", timeout=10)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    data = json.loads(answer.text)
    assert data["member"]["auth"]["email"] == ADA
    assert data["member"]["profile"]["name"] == 'Ada "\u200d" Lovelace'
    assert [event["type"] for event in data["events"]] == ["member.created", *["member.updated"] * 2]
    assert [each["name"] for each in data["applications"]] == ["Acme Notes"]
    assert data["sessions"][0]["methods"] == ["pwd"]
    assert [(each["action"], each["address"]) for each in data["activity"]] == [
        ("member.logged_in", "127.0.0.1"),
        ("application.connected", "127.0.0.1"),
        ("member.updated", None),
        ("member.exported", "127.0.0.1"),
    ]
    assert letters(browser)[0] == "All data of your account was downloaded"
    assert "hash" not in answer.text.lower().replace("haspassword", "")
    grow_old()
    assert browser.get("/account/export").path == "/login"


def test_an_account_is_deleted(browser: Browser, other: Browser, connected: str) -> None:
    page = browser.get("/account/delete")
    for typed in ("", "no address", "bob@example.com"):
        assert browser.submit(page.form("/delete"), email=typed).status == 422
    page = browser.submit(page.form("/delete"), email=ADA.upper())
    assert "Your account is deleted" in page.text
    assert not logged_in(browser)
    assert not logged_in(other)
    assert [name for name, _ in events()] == ["member.created", "member.deleted"]
    with db.reading() as session:
        for model in (Member, Session, Grant, Consent):
            assert session.scalar(select(func.count()).select_from(model)) == 0
    assert actions()[-1] == "member.deleted"
    assert letters(browser)[0] == "Your account was deleted"


def test_what_is_grave_asks_for_a_fresh_log_in(browser: Browser) -> None:
    grow_old()
    for path in ("/account/export", "/account/delete"):
        page = browser.get(path)
        assert page.path == "/login"
        assert "Please sign in again" in page.text
    assert browser.submit(page.form("/login"), password=PASSWORD).path == "/account/delete"


def test_every_page_asks_who_one_is(base_url: str) -> None:
    for name in (
        "profile",
        "password",
        "sessions",
        "applications",
        "export",
        "delete",
        "passkeys",
        "two-factor",
    ):
        assert Browser(base_url).get(f"/account/{name}").path == "/login", name


def test_forms_from_elsewhere_change_nothing(browser: Browser, connected: str) -> None:
    fields = {"name": "Eve", "email": ADA, "current_password": PASSWORD, "new_password": "eve's horse"}
    with db.reading() as session:
        own = sessions.list_of(session, member().id)[0].id
    for path in (
        "profile", "password", f"sessions/{own}/end", "sessions/end-others", "delete",
        f"applications/{connected}/disconnect",
    ):  # fmt: skip
        answer = browser.session.post(f"{browser.base_url}/account/{path}", data=fields, timeout=10)
        assert answer.status_code == 400, path
    assert logged_in(browser)
    assert member().profile == {}
    assert "Acme Notes" in browser.get("/account/applications").text
