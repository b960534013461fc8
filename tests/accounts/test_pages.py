"""The hosted pages as a browser without JavaScript walks them, over a real socket."""

from html import unescape

import pytest
from sqlalchemy import func, select
from tests.support.forms import Browser, Page

from msidp import db, ids
from msidp.accounts.models import Session
from msidp.members.models import Member, PlanConnection
from msidp.plans.models import Plan
from msidp.vault.passwords import verify_password
from msidp.webhooks.models import Event

pytestmark = pytest.mark.database("sqlite")

PASSWORD = "correct horse"


@pytest.fixture
def browser(base_url: str) -> Browser:
    return Browser(base_url)


def sign_up(browser: Browser, email: str = "ada@example.com", **fields: str) -> Page:
    page = browser.get("/signup")
    return browser.submit(page.form(), **{"email": email, "password": PASSWORD, **fields})


def log_in(
    browser: Browser, email: str = "ada@example.com", password: str = PASSWORD, at: str = "/login"
) -> Page:
    return browser.submit(browser.get(at).form(), email=email, password=password)


def sign_out(browser: Browser) -> Page:
    return browser.submit(browser.get("/logout").form())


def link_below(page: Page) -> str:
    """Where the link under the card leads."""
    return unescape(page.html.split('<p class="aside">')[1].split('href="')[1].split('"')[0])


def members() -> list[Member]:
    with db.reading() as session:
        return list(session.scalars(select(Member)))


def test_sign_up_makes_a_member_who_is_logged_in(browser: Browser) -> None:
    page = sign_up(browser, name="  Ada   Lovelace ")
    assert (page.status, page.path) == (200, "/account")
    assert "Ada Lovelace" in page.text
    [member] = members()
    assert (member.email, member.verified, member.profile) == (
        "ada@example.com",
        False,
        {"name": "Ada Lovelace"},
    )
    assert member.last_login_at is not None
    assert member.password_hash is not None
    assert verify_password(PASSWORD, member.password_hash)
    with db.reading() as session:
        assert session.scalars(select(Event.type)).all() == ["member.created"]
        assert session.scalars(select(Session.methods)).one() == ["pwd"]


def test_log_in_and_out(browser: Browser) -> None:
    sign_up(browser)
    page = sign_out(browser)
    assert page.path == "/logout"
    assert "You are signed out" in page.text
    assert browser.get("/account").path == "/login"
    page = log_in(browser, " ADA@Example.com ")
    assert page.path == "/account"
    assert "ada@example.com" in page.text
    with db.reading() as session:
        assert session.scalars(select(Event.type)).all() == ["member.created"]  # a log-in is no event


def test_log_out_needs_no_login(browser: Browser) -> None:
    assert "You are signed out" in browser.get("/logout").text


def test_home_leads_to_where_one_belongs(browser: Browser) -> None:
    assert browser.get("/").path == "/login"
    sign_up(browser)
    assert browser.get("/").path == "/account"


def test_who_is_logged_in_is_not_asked_again(browser: Browser) -> None:
    sign_up(browser)
    for path in ("/login", "/signup", "/login?next=/account"):
        assert browser.get(path).path == "/account"
    assert browser.get("/login?next=/login?next=/login").path == "/account"


def test_next_leads_on_from_every_form(browser: Browser) -> None:
    assert browser.get("/account").form().values["next"] == "/account"
    to_signup = link_below(browser.get("/login?next=/logout"))
    page = browser.submit(browser.get(to_signup).form(), email="ada@example.com", password=PASSWORD)
    assert page.path == "/logout"
    sign_out(browser)
    assert log_in(browser, at="/login?next=/logout").path == "/logout"


def test_the_expected_address_is_filled_in_on_both_pages(browser: Browser) -> None:
    page = browser.get("/login?login_hint=ada%2Bx@example.com&next=/logout")
    assert page.form().values["email"] == "ada+x@example.com"
    page = browser.get(link_below(page))
    assert (page.path, page.form().values["email"]) == ("/signup", "ada+x@example.com")
    assert browser.get(link_below(page)).form().values["email"] == "ada+x@example.com"


def test_a_refused_log_in(browser: Browser) -> None:
    sign_up(browser)
    sign_out(browser)
    page = log_in(browser, password="wrong one")
    assert page.status == 401
    assert page.title.startswith("Error: Sign in")
    assert "The email address or the password is wrong." in page.text
    assert page.form().values["email"] == "ada@example.com"
    assert "password" in page.form().values
    assert page.form().values["password"] == ""
    assert "wrong one" not in page.html
    assert browser.submit(page.form(), password=PASSWORD).path == "/account"


def test_empty_fields_are_named(browser: Browser) -> None:
    page = log_in(browser, "", "")
    assert page.status == 422
    assert "Enter your email address." in page.text
    assert "Enter your password." in page.text
    page = sign_up(browser, "", password="")
    assert page.status == 422
    assert "Choose a password." in page.text


IMPOSSIBLE: list[tuple[dict[str, str], str]] = [
    ({"email": "no address"}, "This is not a usable email address."),
    ({"email": "a\0b@example.com"}, "This is not a usable email address."),
    ({"email": "a" * 400 + "@example.com"}, "This address is too long."),
    ({"password": "short"}, "at least 8 characters"),
    ({"password": "x" * 257}, "at most 256 characters"),
    ({"password": "nul\0in the middle"}, "cannot be read"),
    ({"name": "x" * 201}, "at most 200 characters"),
    ({"name": "bell\x07"}, "no control characters"),
]


def test_a_sign_up_that_cannot_be(browser: Browser) -> None:
    for fields, message in IMPOSSIBLE:
        page = sign_up(browser, **fields)
        assert page.status == 422, message
        assert message in page.text
        assert page.title.startswith("Error: Create an account")
    assert members() == []


def test_a_taken_address_is_not_called_taken(browser: Browser, base_url: str) -> None:
    sign_up(browser)
    page = sign_up(Browser(base_url), "ADA@example.com", password="another one")
    assert page.status == 422
    assert "No account could be made with these details." in page.text
    assert len(members()) == 1


def test_signing_up_again_with_ones_own_password_logs_in(browser: Browser, base_url: str) -> None:
    sign_up(browser)
    other = Browser(base_url)
    assert sign_up(other).path == "/account"
    assert "ada@example.com" in other.get("/account").text
    assert len(members()) == 1


def test_a_member_without_a_password_cannot_log_in(browser: Browser) -> None:
    sign_up(browser)
    sign_out(browser)
    with db.transaction() as session:
        session.scalars(select(Member)).one().password_hash = None
    assert log_in(browser).status == 401
    assert log_in(browser, password="").status == 422


def test_the_account_shows_the_members_plans(browser: Browser, community_id: str) -> None:
    sign_up(browser)
    assert "You are not on a plan yet." in browser.get("/account").text
    with db.transaction() as session:
        for name, status in (("Gold <1>", "TRIALING"), ("Silver", "CANCELED")):
            plan = Plan(id=ids.new_id("pln"), community_id=community_id, name=name, created_at=0)
            session.add(plan)
            session.flush()
            session.add(
                PlanConnection(
                    id=ids.new_id("con"), community_id=community_id, member_id=members()[0].id,
                    plan_id=plan.id, status=status, created_at=0,
                )
            )  # fmt: skip
    page = browser.get("/account")
    assert "Gold <1> Trial" in page.text
    assert "Gold &lt;1&gt;" in page.html
    assert "Silver" not in page.text


def test_a_deleted_member_is_sent_to_log_in(browser: Browser) -> None:
    sign_up(browser)
    with db.transaction() as session:
        session.delete(session.scalars(select(Member)).one())
    assert browser.get("/account").path == "/login"
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Session)) == 0
