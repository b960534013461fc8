"""/memberstack.js in Chromium, on a page of another origin."""

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Route, expect
from tests.memberstack.sites import (
    CREDENTIALS,
    EMAIL,
    ENTER,
    PAGE,
    PASSWORD,
    dialog,
    fill_in,
    log_in,
    page_of,
    shop,
    sign_up,
)
from tests.memberstack.support import Visitor
from tests.support.pages import example
from tests.support.site import Site

pytestmark = pytest.mark.database("sqlite")


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
        expect(page.get_by_text("The link is on its way.")).to_be_visible()

        page.get_by_label("Old").fill("not this one")
        page.get_by_label("New").fill("a better horse battery")
        page.get_by_role("button", name="Change").click()
        expect(page.get_by_role("alert")).not_to_be_empty()
        page.get_by_label("Old").fill(PASSWORD)
        page.get_by_role("button", name="Change").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")  # and not in the box of the other form
        expect(page.get_by_label("Old")).to_have_value("")

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


def test_where_a_form_or_button_leads(
    browser: Browser, base_url: str, plan: str, member: dict[str, object]
) -> None:
    body = f"""<form data-ms-form="login" data-ms-redirect="http://[" data-ms-content="!members">{CREDENTIALS}
        <button>Log in</button></form>
      <form data-ms-form="profile" data-ms-redirect="/#thanks"><input data-ms-member="x" aria-label="X">
        <button>Save</button></form>
      <button data-ms-plan:add="{plan}" data-ms-redirect="/#joined">Get it</button>
      <input type="button" value="Me" data-ms-modal="profile">"""
    with shop(browser, base_url, body, plan) as page:
        fill_in(page)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("Hello ada@example.com")).to_be_visible()  # no address at all: it stays here
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/#thanks")
        page.get_by_role("button", name="Get it").click()
        page.wait_for_url("**/#joined")
        expect(page.get_by_text("In the group.")).to_be_visible()
        page.get_by_role("button", name="Me").click()
        expect(dialog(page, "Your account")).to_be_visible()


def test_a_plan_is_of_the_button_or_choice_that_is_taken(
    browser: Browser, base_url: str, plan: str, member: dict[str, object]
) -> None:
    form = f"""<form data-ms-form="signup">{CREDENTIALS}
      <select><option>None</option><option data-ms-plan:add="pln_chosen">Some</option></select>
      <button data-ms-plan:add="pln_other">Other</button>
      <button data-ms-plan:add="{plan}">Reader</button></form>
      <button data-ms-plan:add="{plan}">Get it</button>"""
    with shop(browser, base_url, form, plan) as page:
        fill_in(page, "grace@example.com")
        page.get_by_role("button", name="Reader").click()
        expect(page.get_by_text("In the group.")).to_be_visible()

        page.evaluate("localStorage.clear(); location.reload()")
        page.get_by_role("button", name="Get it").click()
        dialog(page, "Create an account").get_by_role("button", name="Have an account already?").click()
        box = dialog(page, "Log in to your account")
        box.get_by_label("Email address").fill(EMAIL)
        box.get_by_label("Password").fill(PASSWORD)
        box.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_text("Hello ada@example.com")).to_be_visible()
        expect(page.get_by_text("In the group.")).to_be_visible()  # what was wanted before the log-in


def test_a_slow_server_overwrites_nothing(
    browser: Browser, base_url: str, member: dict[str, object], visitor: Visitor
) -> None:
    form = """<form data-ms-form="profile"><input data-ms-member="first-name" aria-label="Name">
      <input aria-label="Other"></form>"""
    with shop(browser, base_url, ENTER + form) as page:
        log_in(page)
        held: list[Route] = []
        hold = lambda: page.route("**/member", lambda route: held.append(route), times=1)  # noqa: E731
        hold()
        page.reload()
        page.get_by_label("Name").fill("Countess")
        page.get_by_label("Other").focus()
        with page.expect_response("**/member"):
            held.pop().continue_()
        expect(page.get_by_text("Hello ada@example.com, Ada.")).to_be_visible()
        expect(page.get_by_label("Name")).to_have_value("Countess")

        # The answer about a token that is over comes when there is another one.
        visitor.log_in()
        page.evaluate("token => { window.other = token; localStorage['_ms-mid'] = 'stale'; }", visitor.token)
        hold()
        with page.expect_request("**/member"):
            page.evaluate(
                "void $memberstackDom.getCurrentMember().then(({data}) => { window.found = data; })"
            )
        page.evaluate("localStorage['_ms-mid'] = window.other")
        held.pop().continue_()
        page.wait_for_function("window.found !== undefined")
        assert page.evaluate("window.found?.auth.email") == EMAIL
        assert page.evaluate("localStorage['_ms-mid']") == visitor.token


def test_messages_and_parts_of_a_page_of_two_forms(
    browser: Browser, base_url: str, member: dict[str, object], admin: FlaskClient
) -> None:
    box = '<p data-ms-message="error" style="display: none"></p>'
    body = f"""{ENTER}<form data-ms-form="login" aria-label="First">{CREDENTIALS}{box}</form>
      <form data-ms-form="forgot-password"><input data-ms-member="email" value="x">
        <button>Forgot</button></form>
      <p data-ms-content="!members" style="display: flex">Flexible.</p>
      <p data-ms-content="!members" hidden>Shown by the script.</p>
      <div data-ms-content="members"><form data-ms-form="profile">
        <input data-ms-member="first-name" aria-label="Name">
        <button>Save</button>{box}</form></div>"""
    with shop(browser, base_url, body) as page:
        expect(page.get_by_text("Flexible.")).to_have_css("display", "flex")
        expect(page.get_by_text("Shown by the script.")).to_be_visible()
        page.get_by_role("button", name="Forgot").click()
        expect(page.get_by_role("alert")).to_contain_text("usable")
        assert page.get_by_role("form", name="First").inner_text().strip() == ""
        log_in(page)
        expect(page.get_by_label("Name")).to_have_value("Ada")

        admin.delete(f"/members/{member['id']}")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Please join.")).to_be_visible()
        expect(page.get_by_role("alert")).to_be_visible()  # its own box went with the part
        assert page.evaluate("document.querySelector('[aria-label=Name]').value") == ""


def test_what_is_misspelt_is_told_in_the_console(browser: Browser, base_url: str) -> None:
    body = """<form data-ms-form="log-in"><input name="password" aria-label="Word"><button>Go</button></form>
      <button data-ms-modal="sign-up">Up</button> <button data-ms-action="log-out">Out</button>"""
    site = Site(PAGE.format(base=base_url, plan="pln_none", body=body))
    site.start()
    context = browser.new_context(base_url=site.origin)
    try:
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Word").fill(PASSWORD)
        for name, said in (("Go", "data-ms-form"), ("Up", "data-ms-modal"), ("Out", "data-ms-action")):
            with page.expect_console_message(lambda message, said=said: message.text.startswith(said)):  # type: ignore[misc]
                page.get_by_role("button", name=name).click()
        assert page.url == f"{site.origin}/"  # no password in it
    finally:
        context.close()
        site.stop()


def test_where_storage_is_forbidden(browser: Browser, base_url: str, member: dict[str, object]) -> None:
    getter = "{get() { throw new DOMException('', 'SecurityError'); }}"
    forbid = f"Object.defineProperty(window, 'localStorage', {getter})"
    html = PAGE.format(
        base=base_url, plan="pln_none", body=ENTER + '<button data-ms-modal="profile">Me</button>'
    )
    with page_of(browser, html.replace("<head>", f"<head><script>{forbid}</script>")) as page:
        log_in(page)  # for as long as the page is open
        page.get_by_role("button", name="Me").click()
        expect(dialog(page, "Your account").get_by_label("Email address")).to_have_value(EMAIL)


def test_the_page_is_shown_anew(browser: Browser, base_url: str, member: dict[str, object]) -> None:
    body = ENTER + '<button data-ms-action="logout">Leave</button>'
    with shop(browser, base_url, body) as page:
        log_in(page)
        page.route("**/member/logout", lambda route: route.fulfill(body="A gateway's own page"))
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        expect(page.get_by_text("Please join.")).to_be_visible()  # this browser has forgotten who it was
        log_in(page)
        page.evaluate("localStorage.clear()")
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        expect(page.get_by_text("Please join.")).to_be_visible()  # come back to, out of the browser's memory


def test_a_plan_for_who_has_no_account_yet(
    browser: Browser, base_url: str, plan: str, admin: FlaskClient
) -> None:
    with shop(browser, base_url, f'<button data-ms-plan:add="{plan}">Get it</button>', plan) as page:
        page.get_by_role("button", name="Get it").click()
        sign_up(page)
        expect(page.get_by_text("In the group.")).to_be_visible()


def test_the_page_of_the_docs(browser: Browser, base_url: str, admin: FlaskClient) -> None:
    html = example("integrate/attributes.md", "html", "memberstack.js")
    with page_of(browser, html.replace("https://id.example.com", base_url)) as page:
        page.get_by_role("button", name="Join").click()
        sign_up(page)
        expect(page.get_by_text("Hello ada@example.com.")).to_be_visible()
        page.get_by_label("First name").fill("Ada")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Join")).to_be_visible()
    assert admin.get(f"/members/{EMAIL}").json["data"]["customFields"] == {"first-name": "Ada"}
