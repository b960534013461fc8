"""The dashboard in a real browser: from an empty instance to a log-in and a delivery; how it looks."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page
from tests.support.browser import accessibility_problems, looks, overflow, picture, show, tab
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver

from msidp import db
from msidp.admin import verify_webhook
from msidp.jobs import service as jobs
from msidp.jobs import slices
from msidp.operators import service

# What a browser shows does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
PASSWORD = "correct horse battery"


@pytest.fixture
def setup_link(base_url: str, community_id: str) -> str:
    with db.transaction() as session:
        made = service.invite_first(session, community_id)
    assert made
    return f"{base_url}/dashboard/setup?token={made.token}"


def become_owner(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Email address").fill("olga@example.com")
    page.get_by_label("Your name").fill("Olga Owner")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url("**/dashboard")


def open_entry(page: Page, name: str) -> None:
    menu = page.get_by_text("Menu", exact=True)
    if menu.is_visible() and not page.get_by_role("navigation", name="Dashboard").is_visible():
        menu.click()
    page.get_by_role("navigation", name="Dashboard").get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", level=1, name=name).wait_for()


def make_webhook(page: Page, url: str) -> str:
    """Developer API → Webhooks → Create Webhook. Returns the secret shown once."""
    open_entry(page, "Webhooks")
    page.get_by_role("link", name="Create webhook").click()
    page.get_by_role("link", name=re.compile("^MemberPad")).click()
    page.get_by_label("Name").fill("CRM")
    page.get_by_label("URL").fill(url)
    page.get_by_label("Only these:").check()
    page.get_by_label("member.joined").check()
    page.get_by_role("button", name="Create webhook").click()
    return page.locator("#secret").inner_text()


def make_application(page: Page, redirect_uri: str) -> tuple[str, str]:
    """Registers a web application. Returns its client id and the secret shown once."""
    open_entry(page, "Applications")
    page.get_by_role("link", name="Register application").click()
    page.get_by_label("Name").fill("Notes")
    page.get_by_label(re.compile("^Redirect URIs")).fill(redirect_uri)
    page.get_by_role("button", name="Register application").click()
    secret = page.locator("#secret").inner_text()
    snippet = page.locator("#snippet-1").inner_text()
    found = re.search(r"client_[a-z0-9]+", snippet)
    assert found
    assert secret in snippet
    return found.group(0), secret


def make_member(page: Page, email: str) -> None:
    open_entry(page, "Members")
    page.get_by_role("link", name="New member").click()
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Name").fill("Ann Example")
    page.get_by_role("button", name="Create member").click()
    page.get_by_role("status").wait_for()


def test_from_an_empty_instance_to_a_verified_delivery(
    app: Flask, browser: Browser, base_url: str, setup_link: str, receiver: Receiver
) -> None:
    with tab(browser, base_url) as page:
        become_owner(page, setup_link)
        secret = make_webhook(page, receiver.url())
        page.get_by_role("button", name="Test").click()
        page.get_by_text("Not attempted yet").wait_for()
        drain()
        page.get_by_text("HTTP 200").wait_for()  # the page refreshes itself
        make_member(page, "ann@example.com")
        drain()
        open_entry(page, "Deliveries")
        page.get_by_role("link", name="member.joined").click()
        page.get_by_text("HTTP 200").wait_for()
    ping, joined = receiver.requests
    assert verify_webhook(joined.body, joined.headers, secret).type == "member.joined"
    assert verify_webhook(ping.body, ping.headers, secret).type == "ping"


def test_a_failed_delivery_is_retried_by_hand(
    app: Flask, browser: Browser, base_url: str, setup_link: str, receiver: Receiver
) -> None:
    receiver.script("/hook", Answer(503), Answer(200))
    with tab(browser, base_url) as page:
        become_owner(page, setup_link)
        make_webhook(page, receiver.url())
        make_member(page, "ann@example.com")
        drain()
        open_entry(page, "Deliveries")
        page.get_by_role("link", name="member.joined").click()
        page.get_by_text("HTTP 503").wait_for()
        page.get_by_role("button", name="Retry now").click()
        page.get_by_text("One more attempt is on its way").wait_for()
        drain()
        page.get_by_text("#2").wait_for()
        page.get_by_text("succeeded").wait_for()


def test_an_application_made_here_logs_a_member_in(
    browser: Browser, base_url: str, setup_link: str, receiver: Receiver
) -> None:
    callback = receiver.url("/callback")
    with tab(browser, base_url) as page:
        become_owner(page, setup_link)
        client_id, _secret = make_application(page, callback)
    with tab(browser, base_url) as member:
        member.goto(
            f"/authorize?response_type=code&client_id={client_id}&redirect_uri={callback}&scope=openid&state=s"
        )
        member.get_by_role("link", name="Create an account").click()
        member.get_by_label("Email address").fill("ann@example.com")
        member.get_by_label("Password").fill(PASSWORD)
        member.get_by_role("button", name="Create account").click()
        member.get_by_role("button", name="Allow").click()
        member.wait_for_url("**/callback?*code=*")


def test_try_login_shows_the_tokens_decoded(browser: Browser, base_url: str, setup_link: str) -> None:
    with tab(browser, base_url) as page:
        become_owner(page, setup_link)
        make_application(page, "https://app.example.com/callback")
        page.get_by_role("button", name="Try login").click()
        page.get_by_role("link", name="Create an account").click()
        page.get_by_label("Email address").fill("ann@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        page.get_by_role("button", name="Allow").click()
        page.get_by_text("The log-in works").wait_for()
        for look in looks(page):
            picture(page, f"dashboard-try-login-{look}")
            assert accessibility_problems(page) == []
            assert overflow(page) <= 0


def every_page(page: Page, link: str, url: str) -> Iterator[str]:
    """Bring the tab to each page, empty and filled, and name it."""
    page.goto(link)
    yield "setup"
    become_owner(page, link)
    for name in (
        "Overview",
        "Members",
        "Plans",
        "Applications",
        "API keys",
        "Webhooks",
        "Deliveries",
        "Events",
    ):
        open_entry(page, name)
        yield f"{name} (empty)"
    for name in ("Audit log", "Signing keys", "Settings", "Health", "Operators"):
        open_entry(page, name)
        yield name
    page.goto("/dashboard/settings/mail")
    page.get_by_role("button", name="Send me a test mail").click()
    page.get_by_text("no mail server is set").wait_for()
    yield "settings, mail"
    page.goto("/dashboard/account")
    yield "account"
    make_member(page, "ann@example.com")
    yield "member"
    yield from bulk_pages(page)
    make_webhook(page, url)
    page.get_by_role("button", name="Test").click()
    drain()
    page.goto("/dashboard?range=24h")
    page.get_by_text("As a table").first.click()
    yield "Overview"
    open_entry(page, "Webhooks")
    page.get_by_role("link", name="CRM").click()
    yield "webhook"
    make_application(page, "https://app.example.com/callback")
    yield "application"
    yield from registration_pages(page)
    open_entry(page, "Plans")
    page.get_by_role("link", name="New plan").click()
    yield "new plan"
    page.get_by_role("button", name="Create plan").click()
    page.get_by_role("alert").wait_for()
    yield "new plan (refused)"
    page.goto("/dashboard/event-types")
    page.locator("details[id='member.joined'] > summary").click()
    yield "catalogue"
    page.goto("/dashboard/event-types/new")
    page.get_by_label("Name").fill("order.placed")
    page.get_by_label("JSON Schema").fill('{"type": 7}')
    page.get_by_role("button", name="Create event type").click()
    page.get_by_role("alert").wait_for()
    yield "new event type (refused)"
    page.goto("/dashboard/members/mem_none")
    yield "not found"


def registration_pages(page: Page) -> Iterator[str]:
    """Let applications register themselves: no token yet, one that is refused, one that is made."""
    open_entry(page, "Applications")
    page.get_by_role("link", name="Let them register themselves").click()
    yield "initial access tokens (empty)"
    page.get_by_label("Name").fill("Partners")
    page.get_by_label("Log members in on devices").check()
    page.get_by_label("Redirect hosts").fill("forum.example\nhttps://shop.example")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("alert").wait_for()
    yield "initial access tokens (refused)"
    page.get_by_label("Redirect hosts").fill("forum.example")
    page.get_by_label("Scopes").fill("openid\nemail")
    page.get_by_role("button", name="Create token").click()
    page.get_by_text("Copy this token now").wait_for()
    yield "initial access tokens"


def bulk_pages(page: Page) -> Iterator[str]:
    """Import a file, then change its members: a job that the page follows by itself."""
    open_entry(page, "Members")
    page.get_by_text("Export", exact=True).click()
    yield "members"
    page.get_by_role("link", name="Import").click()
    yield "import"
    table = (
        "email,name\n" + "".join(f"m{number}@example.com,M {number}\n" for number in range(60)) + "broken,\n"
    )
    page.get_by_label("File, UTF-8").set_input_files(
        {"name": "members.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    page.get_by_role("button", name="Upload and try").click()
    page.get_by_role("heading", level=1, name="Try an import").wait_for()
    slices.advance(60)
    page.get_by_role("button", name="Import 60 members").click()  # it comes by itself
    page.get_by_role("heading", level=1, name="Import members").wait_for()
    with db.transaction() as session:
        jobs.WORK.do(session)
    page.locator("span", has_text="50 %").wait_for()
    yield "job (running)"
    slices.advance(60)
    page.get_by_text("completed", exact=True).wait_for()
    yield "job"
    open_entry(page, "Jobs")
    yield "jobs"
    open_entry(page, "Members")
    page.get_by_label("Choose m57@example.com").check()
    page.get_by_role("button", name="Change the chosen ones").click()
    page.get_by_label("What to do").select_option("delete")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("alert").wait_for()
    yield "many members (refused)"


def crushed(page: Page) -> list[str]:
    """The ids and addresses in tables that got a column of a few letters."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll('.table td.mono, .table td .mono')]
             .filter(each => each.textContent.length > 20 && each.clientWidth < 150)
             .map(each => `crushed to ${each.clientWidth} px: ${each.textContent}`)"""
    )
    return found


def problems_of(page: Page, name: str) -> list[str]:
    """What is wrong with the page in one of its looks. In the dark only the colours are others."""
    file = f"dashboard-{re.sub(r'[^a-z]+', '-', name.lower()).strip('-')}"
    show(page, "light", 1280)
    picture(page, f"{file}-light")
    problems = accessibility_problems(page) + crushed(page)
    show(page, "dark", 1280)
    picture(page, f"{file}-dark")
    problems += [f"in the dark: {found}" for found in accessibility_problems(page, "color-contrast")]
    show(page, "light", 390)
    picture(page, f"{file}-narrow")
    return problems + crushed(page) + ([f"{overflow(page)} px too wide"] if overflow(page) else [])


def test_every_page_is_accessible_and_fits(
    browser: Browser, base_url: str, setup_link: str, receiver: Receiver
) -> None:
    """The way through them is on the small screen, by the menu there."""
    with tab(browser, base_url, viewport={"width": 390, "height": 800}) as page:
        elsewhere: list[str] = []
        page.on("request", lambda sent: None if sent.url.startswith(base_url) else elsewhere.append(sent.url))
        wrong: dict[str, object] = {}
        seen = 0
        for name in every_page(page, setup_link, receiver.url()):
            seen += 1
            if problems := problems_of(page, name):
                wrong[name] = problems
        assert seen > 15
        assert wrong == {}
        assert elsewhere == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_name_without_an_end_leaves_the_pages_as_wide_as_the_window(
    browser: Browser, base_url: str, setup_link: str, admin: FlaskClient, receiver: Receiver, width: int
) -> None:
    endless = "W" * 100
    plan = admin.post("/plans", json={"name": endless}).json["data"]["id"]
    admin.post("/webhooks", json={"name": endless, "url": receiver.url()})
    new = {
        "email": f"{'w' * 60}@{'example.' * 20}com",
        "profile": {"name": endless},
        "plans": [{"planId": plan}],
    }
    member = admin.post("/members", json=new).json["data"]["id"]
    with tab(browser, base_url, viewport={"width": width, "height": 800}) as page:
        become_owner(page, setup_link)
        for path in ("", "/members", f"/members/{member}", "/plans", "/webhooks", "/deliveries"):
            page.goto(f"/dashboard{path}")
            page.get_by_role("heading", level=1).wait_for()
            assert overflow(page) <= 0, path
            if width > 1000:  # what stands beside the name is seen without scrolling
                hidden = page.evaluate(
                    """[...document.querySelectorAll('main > .card .table-responsive')]
                         .map(each => each.scrollWidth - each.clientWidth)"""
                )
                assert max(hidden, default=0) <= 0, path
