"""/prebuilt-ui.js in Chromium, on a page of another origin; and how both scripts are served."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Route, expect
from tests.accounts.mailed.support import code_in, inbox
from tests.memberstack.sites import (
    CREDENTIALS,
    EMAIL,
    ENTER,
    PAGE,
    PASSWORD,
    dialog,
    fill_in,
    page_of,
    shop,
)
from tests.support.browser import accessibility_problems, overflow, picture, show
from tests.support.node import ROOT

pytestmark = pytest.mark.database("sqlite")


def reset_code_in(mail: dict[str, Any]) -> str:
    [code] = re.findall(r"^ +([0-9a-z]{4}(?:-[0-9a-z]{4}){3})$", mail["text"], re.MULTILINE)
    return str(code)


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


def test_what_a_page_does_to_its_text_is_not_for_the_dialogs(browser: Browser, base_url: str) -> None:
    style = "<style>html { font-size: 62.5% } body { letter-spacing: 4px; text-transform: uppercase }</style>"
    words = """<script>window.memberstackTranslations =
      {login: "Los", "invalid-credentials": "Das stimmt nicht."};</script>"""
    with shop(browser, base_url, style + words + ENTER) as page:
        page.get_by_role("button", name="Enter").focus()
        page.keyboard.press("Enter")
        box = dialog(page, "Log in to your account")
        expect(box).to_have_css("letter-spacing", "normal")
        expect(box).to_have_css("text-transform", "none")
        expect(box).to_have_css("width", "416px")
        page.keyboard.type(EMAIL)
        page.keyboard.press("Tab")
        page.keyboard.type("wrong horse")
        page.keyboard.press("Enter")
        expect(box.get_by_role("alert").first).to_have_text("Das stimmt nicht.")
        page.evaluate("document.querySelector('memberstack-prebuilt-ui').remove()")  # as hideModal() does
        expect(page.get_by_role("button", name="Enter")).to_be_focused()


def test_an_account_that_begins_with_the_proof_of_its_address(
    app: Flask, browser: Browser, base_url: str, admin: FlaskClient
) -> None:
    settings = app.extensions["msidp_settings"]
    app.extensions["msidp_settings"] = settings.model_copy(update={"sign_up_proof": True})
    form = f"""<form data-ms-form="signup">{CREDENTIALS} <input data-ms-member="token" aria-label="Key">
      <button>Join</button></form> <button data-ms-modal="signup">Enlist</button>"""
    with shop(browser, base_url, form) as page:
        fill_in(page)
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("status")).to_contain_text("A code is on its way")
        page.get_by_label("Key").fill(code_in(inbox(base_url)[0]))
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_text("Hello ada@example.com")).to_be_visible()

        page.evaluate("localStorage.clear(); location.reload()")
        page.get_by_role("button", name="Enlist").click()
        box = dialog(page, "Create an account")
        box.get_by_label("Email address").fill("grace@example.com")
        box.get_by_label("Password").fill(PASSWORD)
        box.get_by_role("button", name="Sign up", exact=True).click()
        code = dialog(page, "Enter your code")
        code.get_by_role("button", name="Email me another code").click()
        expect(code.get_by_role("status")).to_contain_text("Another code")
        code.get_by_label("Code").fill(code_in(inbox(base_url)[0]))
        code.get_by_role("button", name="Sign up").click()
        expect(page.get_by_text("Hello grace@example.com")).to_be_visible()
    assert admin.get("/members/grace@example.com").json["data"]["auth"]["hasPassword"] is True


def test_closing_a_dialog_before_the_answer(
    browser: Browser, base_url: str, member: dict[str, object]
) -> None:
    with shop(browser, base_url, ENTER) as page:
        held: list[Route] = []
        page.route("**/auth/login", lambda route: held.append(route))
        page.get_by_role("button", name="Enter").click()
        box = dialog(page, "Log in to your account")
        box.get_by_label("Email address").fill(EMAIL)
        box.get_by_label("Password").fill(PASSWORD)
        with page.expect_request("**/auth/login"):
            page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(box).to_have_count(0)
        with page.expect_response("**/auth/login"):
            held[0].continue_()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("localStorage['_ms-mid']") is None
        expect(page.get_by_text("Please join.")).to_be_visible()


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


def test_the_language_of_the_page(browser: Browser, base_url: str, member: dict[str, object]) -> None:
    html = PAGE.format(base=base_url, plan="pln_none", body=ENTER).replace('lang="en"', 'lang="de-AT"')
    with page_of(browser, html) as page:
        page.get_by_role("button", name="Enter").click()
        box = dialog(page, "Anmelden")
        box.get_by_label("E-Mail-Adresse").fill(EMAIL)
        box.get_by_label("Passwort").fill("wrong horse")
        box.get_by_role("button", name="Anmelden", exact=True).click()
        expect(box.get_by_role("alert").first).to_have_text(
            "Die E-Mail-Adresse oder das Passwort ist falsch."
        )
