"""/prebuilt-ui.js and /memberstack.js in Chromium, on a page of another origin."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Locator, Page, expect
from tests.accounts.mailed.support import code_in, inbox
from tests.support.browser import accessibility_problems, overflow, picture, show, tab
from tests.support.node import ROOT
from tests.support.pages import example
from tests.support.site import Site

pytestmark = pytest.mark.database("sqlite")

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>
<script src="{base}/memberstack.js" defer></script></head><body>
<main><h1>Shop</h1>
<p data-ms-content="!members">Please join.</p>
<p data-ms-content="members">Hello <b data-ms-member="email"></b>, <i data-ms-member="first-name"></i>.</p>
<p data-ms-content="verified">Address confirmed.</p> <p data-ms-content="!verified">Address open.</p>
<p data-ms-content="no-plans">No plan.</p> <p data-ms-content="free-plans">A free plan.</p>
<p data-ms-content="paid-plans">A paid plan.</p> <p data-ms-content="{plan}">In the group.</p>
<p data-ms-loader style="display: none">One moment.</p>
{body}</main></body></html>"""


@pytest.fixture
def plan(admin: FlaskClient) -> str:
    plan_id: str = admin.post("/plans", json={"name": "Reader"}).json["data"]["id"]
    return plan_id


@contextmanager
def page_of(browser: Browser, html: str, files: dict[str, Path | str] | None = None) -> Iterator[Page]:
    """A tab on this page of a site."""
    site = Site(html, files)
    site.start()
    try:
        with tab(browser, site.origin) as page:
            page.goto("/")
            yield page
    finally:
        site.stop()


def shop(browser: Browser, base_url: str, body: str, plan: str = "pln_none") -> AbstractContextManager[Page]:
    """A tab on a site's page that has this in it."""
    return page_of(browser, PAGE.format(base=base_url, plan=plan, body=body))


@pytest.fixture
def member(admin: FlaskClient) -> dict[str, object]:
    body = {"email": EMAIL, "password": PASSWORD, "customFields": {"first-name": "Ada"}}
    made: dict[str, object] = admin.post("/members", json=body).json["data"]
    return made


def reset_code_in(mail: dict[str, Any]) -> str:
    [code] = re.findall(r"^ +([0-9a-z]{4}(?:-[0-9a-z]{4}){3})$", mail["text"], re.MULTILINE)
    return str(code)


def dialog(page: Page, title: str) -> Locator:
    return page.get_by_role("dialog", name=title)


def log_in(page: Page) -> None:
    """In the dialog, which a button of the page opens."""
    page.get_by_role("button", name="Enter").click()
    box = dialog(page, "Log in to your account")
    box.get_by_label("Email address").fill(EMAIL)
    box.get_by_label("Password").fill(PASSWORD)
    box.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("Hello ada@example.com")).to_be_visible()


CREDENTIALS = """<input data-ms-member="email" aria-label="Mail" autocomplete="username">
  <input data-ms-member="password" type="password" aria-label="Word" autocomplete="current-password">"""
ENTER = '<button data-ms-modal="login">Enter</button>'


def test_signing_up_by_a_form(browser: Browser, base_url: str, plan: str, admin: FlaskClient) -> None:
    form = f"""<form data-ms-form="signup" data-ms-redirect="/#welcome" data-ms-plan:add="{plan}">
      {CREDENTIALS} <input data-ms-member="first-name" aria-label="Name">
      <input data-ms-member="news" type="checkbox" aria-label="News" checked>
      <button>Join</button></form>"""
    with shop(browser, base_url, form, plan) as page:
        expect(page.get_by_text("Please join.")).to_be_visible()
        for text in (
            "Hello",
            "A free plan.",
            "A paid plan.",
            "In the group.",
            "No plan.",
            "Address confirmed.",
        ):
            expect(page.get_by_text(text)).to_be_hidden()
        page.get_by_label("Mail").fill(EMAIL)
        page.get_by_label("Word").fill("short")
        page.get_by_label("Name").fill("Ada <b>")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("alert")).to_contain_text("8 characters")
        expect(page.get_by_text("One moment.")).to_be_hidden()
        page.get_by_label("Word").fill(PASSWORD)
        page.get_by_role("button", name="Join").click()

        page.wait_for_url("**/#welcome")
        expect(page.get_by_text("Hello ada@example.com, Ada <b>.")).to_be_visible()  # a text, and no element
        for text in ("A free plan.", "In the group.", "Address open."):
            expect(page.get_by_text(text)).to_be_visible()
        for text in ("Please join.", "A paid plan.", "No plan."):
            expect(page.get_by_text(text)).to_be_hidden()
    made = admin.get(f"/members/{EMAIL}").json["data"]
    assert made["customFields"] == {"first-name": "Ada <b>", "news": True}
    assert [each["planId"] for each in made["planConnections"]] == [plan]


def test_buttons_and_forms_of_a_member(
    browser: Browser, base_url: str, plan: str, member: dict[str, object], admin: FlaskClient
) -> None:
    body = f"""{ENTER}
      <button data-ms-plan:add="{plan}">Get it</button> <button data-ms-plan:remove="{plan}">Drop it</button>
      <button data-ms-action="resend-verification-email">Mail me</button>
      <button data-ms-action="logout">Leave</button>
      <form data-ms-form="profile"><input data-ms-member="first-name" aria-label="Name"><button>Save</button>
        <p data-ms-message="success" style="display: none"><span data-ms-message-text></span></p></form>
      <form data-ms-form="password">
        <input data-ms-member="current-password" aria-label="Old" type="password" autocomplete="off">
        <input data-ms-member="password" aria-label="New" type="password" autocomplete="off">
        <button>Change</button></form>"""
    with shop(browser, base_url, body, plan) as page:
        log_in(page)
        name = page.get_by_label("Name")
        expect(name).to_have_value("Ada")
        name.fill("Grace")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_text("Hello ada@example.com, Grace.")).to_be_visible()

        page.get_by_role("button", name="Get it").click()
        expect(page.get_by_text("A free plan.")).to_be_visible()
        page.get_by_role("button", name="Drop it").click()
        expect(page.get_by_text("No plan.")).to_be_visible()
        page.get_by_role("button", name="Mail me").click()
        expect(page.get_by_text("The email is on its way.")).to_be_visible()

        page.get_by_label("Old").fill("not this one")
        page.get_by_label("New").fill("a better horse battery")
        page.get_by_role("button", name="Change").click()
        expect(page.get_by_role("alert")).not_to_be_empty()
        page.get_by_label("Old").fill(PASSWORD)
        page.get_by_role("button", name="Change").click()
        expect(page.get_by_text("Saved.").first).to_be_visible()

        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_text("Please join.")).to_be_visible()
        assert page.evaluate("[localStorage['_ms-mid'], localStorage['_ms-mem']]") == [None, None]
    assert admin.get(f"/members/{EMAIL}").json["data"]["customFields"] == {"first-name": "Grace"}


def test_what_a_page_may_not_be_led_to(browser: Browser, base_url: str, member: dict[str, object]) -> None:
    form = f"""<form data-ms-form="login" data-ms-redirect="javascript:document.title='caught'">{CREDENTIALS}
      <button>Log in</button></form>"""
    with shop(browser, base_url, form) as page:
        page.get_by_label("Mail").fill(EMAIL)
        page.get_by_label("Word").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("Hello ada@example.com")).to_be_visible()
        assert page.title() == "Shop"


def test_the_dialogs(browser: Browser, base_url: str, member: dict[str, object], admin: FlaskClient) -> None:
    with shop(browser, base_url, ENTER + '<button data-ms-modal="profile">Me</button>') as page:
        page.get_by_role("button", name="Enter").click()
        box = dialog(page, "Log in to your account")
        expect(box.get_by_label("Email address")).to_be_focused()
        for scheme, width in (("light", 1280), ("dark", 320)):
            show(page, scheme, width)  # type: ignore[arg-type]
            assert overflow(page) == 0
            assert accessibility_problems(page) == []
            picture(page, f"prebuilt-login-{scheme}")
        page.keyboard.press("Escape")
        expect(box).to_have_count(0)

        page.get_by_role("button", name="Enter").click()
        box.get_by_label("Email address").fill(EMAIL)
        box.get_by_label("Password").fill("wrong horse")
        box.get_by_role("button", name="Log in", exact=True).click()
        expect(box.get_by_role("alert").first).to_contain_text("wrong")

        box.get_by_role("button", name="Forgot your password?").click()
        reset = dialog(page, "Reset your password")
        expect(reset.get_by_label("Email address")).to_have_value(EMAIL)  # it goes along
        reset.get_by_role("button", name="Email me a code").click()
        expect(reset.get_by_label("Code from the email")).to_be_visible()
        reset.get_by_label("Code from the email").fill(reset_code_in(inbox(base_url)[0]))
        reset.get_by_label("New password").fill("a better horse battery")
        reset.get_by_role("button", name="Change the password").click()
        expect(box.get_by_role("status")).to_contain_text("Your password is changed")
        box.get_by_label("Password").fill("a better horse battery")
        box.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_text("Hello ada@example.com")).to_be_visible()

        page.get_by_role("button", name="Me").click()
        profile = dialog(page, "Your account")
        expect(profile.get_by_label("Email address")).to_have_value(EMAIL)
        assert accessibility_problems(page) == []
        picture(page, "prebuilt-profile")
        profile.get_by_label("Email address").fill("countess@example.com")
        profile.get_by_role("button", name="Save").click()
        expect(profile.get_by_role("status")).to_have_text("Saved.")
        profile.get_by_role("button", name="Close").click()
        expect(page.get_by_text("Hello countess@example.com")).to_be_visible()

        page.evaluate("localStorage['_ms-mid'] = 'stale'")
        page.get_by_role("button", name="Enter").click()
        box.get_by_role("button", name="Close").click()
        expect(page.get_by_text("Please join.")).to_be_visible()  # the server said who it is: nobody
        page.get_by_role("button", name="Me").click()
        box.get_by_label("Email address").fill("countess@example.com")
        box.get_by_label("Password").fill("a better horse battery")
        box.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_text("Hello countess@example.com")).to_be_visible()

        page.get_by_role("button", name="Me").click()
        profile.get_by_role("button", name="Delete my account").click()
        dialog(page, "Delete my account").get_by_role("button", name="Yes").click()
        expect(page.get_by_text("Please join.")).to_be_visible()
    assert admin.get("/members").json["totalCount"] == 0


def test_a_code_by_mail(
    browser: Browser, base_url: str, member: dict[str, object], admin: FlaskClient
) -> None:
    with shop(browser, base_url, ENTER) as page:
        page.get_by_role("button", name="Enter").click()
        box = dialog(page, "Log in to your account")
        box.get_by_label("Email address").fill(EMAIL)
        box.get_by_role("button", name="Email me a code instead").click()
        box.get_by_role("button", name="Email me a code instead").click()
        code = dialog(page, "Enter your code")
        expect(code.get_by_label("Code")).to_be_visible()
        code.get_by_label("Code").fill(code_in(inbox(base_url)[0]))
        code.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_text("Hello ada@example.com")).to_be_visible()
        expect(page.get_by_text("Address confirmed.")).to_be_visible()  # whoever has the code has the address


def test_a_plan_for_who_has_no_account_yet(
    browser: Browser, base_url: str, plan: str, admin: FlaskClient
) -> None:
    with shop(browser, base_url, f'<button data-ms-plan:add="{plan}">Get it</button>', plan) as page:
        page.get_by_role("button", name="Get it").click()
        box = dialog(page, "Create an account")
        box.get_by_label("Email address").fill(EMAIL)
        box.get_by_label("Password").fill(PASSWORD)
        box.get_by_role("button", name="Sign up").click()
        expect(page.get_by_text("In the group.")).to_be_visible()


def test_the_page_of_the_docs(browser: Browser, base_url: str, admin: FlaskClient) -> None:
    html = example("integrate/attributes.md", "html", "memberstack.js")
    with page_of(browser, html.replace("https://id.example.com", base_url)) as page:
        page.get_by_role("button", name="Join").click()
        box = dialog(page, "Create an account")
        box.get_by_label("Email address").fill(EMAIL)
        box.get_by_label("Password").fill(PASSWORD)
        box.get_by_role("button", name="Sign up").click()
        expect(page.get_by_text("Hello ada@example.com.")).to_be_visible()
        page.get_by_label("First name").fill("Ada")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Join")).to_be_visible()
    assert admin.get(f"/members/{EMAIL}").json["data"]["customFields"] == {"first-name": "Ada"}


DOM_PACKAGE = """<!doctype html><html lang="en"><head><title>Shop</title><script type="importmap">
{{"imports": {{"@memberstack/dom": "/dom.js", "axios": "/axios.js", "js-cookie": "/js-cookie.js"}}}}</script>
<script>window.__MS_PREBUILT_UI_URL__ = "{base}/prebuilt-ui.js";</script>
<script type="module">import Memberstack from "@memberstack/dom";
window.memberstack = Memberstack.init({{publicKey: "{key}", domain: "{base}"}});</script></head>
<body><main><h1>Shop</h1></main></body></html>"""


def test_the_packages_own_openmodal(browser: Browser, base_url: str, public_key: str, plan: str) -> None:
    modules = ROOT / "node_modules"
    files: dict[str, Path | str] = {
        "/dom.js": modules / "@memberstack/dom/lib/index.mjs",
        "/axios.js": modules / "@memberstack/dom/node_modules/axios/dist/esm/axios.js",
        "/js-cookie.js": modules / "js-cookie/dist/js.cookie.mjs",
    }
    with page_of(browser, DOM_PACKAGE.format(base=base_url, key=public_key), files) as page:
        page.wait_for_function("window.memberstack")
        opens = """([type, params]) => { window.ended = memberstack.openModal(type, params); }"""
        translations = {"create_an_account": "Werde Mitglied", "signup_button": "Los"}
        page.evaluate(opens, ["SIGNUP", {"translations": translations, "signup": {"plans": [plan]}}])
        box = dialog(page, "Werde Mitglied")
        box.get_by_label("Email address").fill(EMAIL)
        box.get_by_label("Password").fill(PASSWORD)
        box.get_by_role("button", name="Los", exact=True).click()
        ended = page.evaluate("window.ended")
        assert (ended["type"], ended["data"]["member"]["auth"]["email"]) == ("SIGNUP", EMAIL)
        expect(box).to_have_count(0)
        member = page.evaluate("memberstack.getCurrentMember().then(({data}) => data)")
        assert [each["planId"] for each in member["planConnections"]] == [plan]

        page.evaluate(opens, ["PROFILE", {}])
        expect(dialog(page, "Your account").get_by_text("Reader")).to_be_visible()
        page.evaluate("memberstack.hideModal()")
        assert page.evaluate("window.ended") == {"type": "CLOSED"}
        page.evaluate(opens, ["PROFILE", {}])
        dialog(page, "Your account").get_by_role("button", name="Log out").click()
        assert page.evaluate("window.ended.then(({type}) => type)") == "LOGOUT"
        assert page.evaluate("memberstack.getCurrentMember().then(({data}) => data)") is None

        page.evaluate(opens, ["LOGIN", {}])
        expect(dialog(page, "Log in to your account")).to_be_visible()
        page.evaluate("() => { window.first = window.ended; memberstack.openModal('FORGOT_PASSWORD'); }")
        assert page.evaluate("window.first") == {"type": "CLOSED"}  # one at a time
        expect(dialog(page, "Reset your password")).to_be_visible()


def test_how_the_scripts_are_served(client: FlaskClient, admin: FlaskClient, public_key: str) -> None:
    for path in ("/prebuilt-ui.js", "/memberstack.js"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.mimetype == "text/javascript"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert public_key in answer.text
        again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        admin.patch("/branding", json={"accentColor": "#117733"})
        assert "#117733" in client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).text
        admin.patch("/branding", json={"accentColor": None})
