"""Memberstack's own DOM package, unmodified, in Chromium on the page of docs/integrate/browser.md."""

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, Page
from tests.accounts.mailed.support import code_in, inbox
from tests.support.browser import tab
from tests.support.node import ROOT
from tests.support.pages import example
from tests.support.site import Site

pytestmark = pytest.mark.database("sqlite")
PACKAGE = ROOT / "node_modules/@memberstack/dom"
VENDOR: dict[str, Path | str] = {
    "/vendor/dom.js": PACKAGE / "lib/index.mjs",
    "/vendor/axios.js": PACKAGE / "node_modules/axios/dist/esm/axios.js",
    "/vendor/js-cookie.js": ROOT / "node_modules/js-cookie/dist/js.cookie.mjs",
}
ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
PASSWORD, ANOTHER = "correct horse battery", "staple battery horse"

# Calls a method of the package and waits; what it rejects with is told, not raised.
CALL = """
async ([name, ...given]) => {
    try { return { ok: await memberstack[name](...given) }; } catch (error) { return { refused: error }; }
}
"""


class Visitor:
    """The page, and the package in it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def does(self, method: str, *given: Any) -> Any:
        """What the package's method resolves to."""
        found = self.page.evaluate(CALL, [method, *given])
        assert "ok" in found, (method, found)
        return found["ok"]

    def data(self, method: str, *given: Any) -> Any:
        return self.does(method, *given)["data"]

    def refused(self, method: str, *given: Any) -> str:
        """The code with which the package's method rejects."""
        found = self.page.evaluate(CALL, [method, *given])
        assert set(found.get("refused", ())) >= {"code", "message"}, (method, found)
        return str(found["refused"]["code"])

    def stored(self, key: str) -> str | None:
        found: str | None = self.page.evaluate("key => localStorage.getItem(key)", key)
        return found


@pytest.fixture
def site(base_url: str, admin: FlaskClient) -> Iterator[Site]:
    """A site, which knows the public key."""
    key = admin.get("/community").json["data"]["publicKey"]
    script = example("integrate/browser.md", "js").replace("https://id.example.com", base_url)
    script = script.replace("pk_…", key) + "\nwindow.memberstack = memberstack;"
    running = Site(example("integrate/browser.md", "html"), {**VENDOR, "/app.js": script})
    running.start()
    yield running
    running.stop()


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Iterator[Visitor]:
    with tab(browser, site.origin) as page:
        page.goto("/")
        page.get_by_text("Nobody is signed in").wait_for()
        yield Visitor(page)


def test_the_page_of_the_docs(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_label("Email address").fill(ADA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("The email address or the password is wrong.").wait_for()
    page.get_by_role("button", name="Create account").click()
    page.get_by_text(f"Hello {ADA}").wait_for()
    page.reload()
    page.get_by_text(f"Hello {ADA}").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Nobody is signed in").wait_for()
    assert (visitor.stored("_ms-mid"), visitor.stored("_ms-mem")) == (None, None)


def test_a_member_of_the_package(visitor: Visitor, admin: FlaskClient, base_url: str) -> None:
    free = admin.post("/plans", json={"name": "Free"}).json["data"]["id"]
    more = admin.post("/plans", json={"name": "More"}).json["data"]["id"]
    price = {"amount": 5, "currency": "usd"}
    paid = admin.post("/plans", json={"name": "Paid", "prices": [price]}).json["data"]["id"]

    app = visitor.data("getApp")
    assert (app["id"][:4], app["mode"], app["name"]) == ("app_", "live", "My community")
    assert [plan["name"] for plan in visitor.data("getPlans")] == ["Free", "More", "Paid"]
    assert visitor.data("getPlan", {"planId": paid})["prices"][0]["amount"] == 5
    assert visitor.refused("getPlan", {"planId": "pln_no"}) == "plan-not-found"
    assert visitor.data("getRestrictedUrlGroups") == []
    assert visitor.data("getCurrentMember") is None

    fields = {"customFields": {"first-name": "Ada"}, "metaData": {"source": "ad"}}
    made = visitor.data(
        "signupMemberEmailPassword",
        {"email": ADA, "password": PASSWORD, "plans": [{"planId": free}], **fields},
    )
    member = made["member"]
    assert (member["auth"]["email"], member["verified"], member["customFields"]) == (
        ADA, False, {"first-name": "Ada"},
    )  # fmt: skip
    assert [connection["planId"] for connection in member["planConnections"]] == [free]
    assert (made["redirect"], made["tokens"]["type"]) == (None, "bearer")
    assert visitor.stored("_ms-mid") == made["tokens"]["accessToken"]
    verified = admin.post("/members/verify-token", json={"token": made["tokens"]["accessToken"]}).json["data"]
    assert (verified["id"], verified["aud"]) == (member["id"], app["id"])
    assert visitor.data("getCurrentMember")["id"] == member["id"]
    both = visitor.data("getAppAndMember")
    assert (both["app"]["id"], both["member"]["id"]) == (app["id"], member["id"])
    visitor.does("trackPageView")
    visitor.does("_Event", {"data": {"name": "clicked"}})
    assert visitor.stored("ms_session_id") is None

    updated = visitor.data("updateMember", {"customFields": {"last-name": "Lovelace"}})
    assert updated["customFields"] == {"first-name": "Ada", "last-name": "Lovelace"}
    assert visitor.data("getMemberJSON") is None
    assert visitor.data("updateMemberJSON", {"json": {"cart": [1]}}) == {"cart": [1]}
    assert visitor.data("getMemberJSON") == {"cart": [1]}

    added = visitor.data("addPlan", {"planId": more})["member"]
    assert [connection["planId"] for connection in added["planConnections"]] == [free, more]
    assert visitor.refused("addPlan", {"planId": more}) == "already-have-plan"
    assert visitor.refused("addPlan", {"planId": paid}) == "plan-not-free"
    assert visitor.refused("addPlan", {"planId": "pln_no"}) == "plan-not-found"
    left = visitor.data("removePlan", {"planId": free})["member"]
    assert [connection["planId"] for connection in left["planConnections"]] == [more]
    assert visitor.refused("removePlan", {"planId": free}) == "plan-not-found"
    assert visitor.refused("purchasePlansWithCheckout", {"priceId": "prc_x"}) == "payments-not-supported"
    assert visitor.refused("launchStripeCustomerPortal", {}) == "payments-not-supported"
    for method, given in (
        ("getPosts", {"channelKey": "x"}),
        ("getDataTables", {}),
        ("getTeam", {"teamId": "x"}),
    ):
        assert visitor.refused(method, given) == "not-supported"

    assert with_picture(visitor).startswith(f"{base_url}/images/")
    assert visitor.data("deleteMemberProfileImage") == {"profileImage": None}
    assert visitor.data("deleteMember") == {"id": member["id"]}
    assert visitor.stored("_ms-mid") is None
    assert admin.get(f"/members/{member['id']}").json == {"data": None}


def with_picture(visitor: Visitor) -> str:
    """The address of a picture that the package uploads."""
    image = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(image, "PNG")
    upload = """
        async png => {
            const bytes = Uint8Array.from(atob(png), letter => letter.charCodeAt(0));
            const profileImage = new File([bytes], 'me.png', { type: 'image/png' });
            return (await memberstack.updateMemberProfileImage({ profileImage })).data.profileImage;
        }
    """
    found = str(visitor.page.evaluate(upload, base64.b64encode(image.getvalue()).decode()))
    assert requests.get(found, timeout=20).headers["Content-Type"] == "image/jpeg"
    return found


def test_mails_and_passwords(visitor: Visitor, base_url: str) -> None:
    visitor.does("signupMemberEmailPassword", {"email": ADA, "password": PASSWORD})
    assert visitor.refused("signupMemberEmailPassword", {"email": ADA, "password": PASSWORD}) == (
        "email-already-in-use"
    )
    assert visitor.refused("signupMemberEmailPassword", {"email": BOB, "password": "12345678"}) == (
        "invalid-password"
    )
    assert visitor.data("sendMemberVerificationEmail") == {"success": True}
    assert [mail["subject"] for mail in inbox(base_url, ADA)] == ["Confirm your email address"] * 2
    link = re.findall(r"http\S+/verify-email\?token=\S+", inbox(base_url, ADA)[0]["text"])[0]
    browser = requests.Session()
    page = browser.get(link, timeout=20).text
    form = dict(re.findall(r'name="(csrf_token|token)"[^>]* value="([^"]*)"', page))
    assert browser.post(link, data=form, timeout=20).ok
    assert visitor.data("getCurrentMember")["verified"] is True

    change = {"oldPassword": PASSWORD, "newPassword": ANOTHER}
    assert visitor.refused("updateMemberAuth", {**change, "oldPassword": "wrong horse"}) == (
        "invalid-credentials"
    )
    assert visitor.data("updateMemberAuth", change)["auth"]["hasPassword"] is True
    moved = visitor.data("updateMemberAuth", {"email": BOB})
    assert (moved["auth"]["email"], moved["verified"]) == (BOB, False)
    assert "take" in inbox(base_url, ADA)[0]["text"] or "keep" in inbox(base_url, ADA)[0]["text"]
    assert visitor.refused("setPassword", {"password": PASSWORD}) == "password-already-set"
    visitor.does("logout")
    assert visitor.refused("updateMember", {"customFields": {}}) == "login-required"
    assert visitor.refused("loginMemberEmailPassword", {"email": BOB, "password": PASSWORD}) == (
        "invalid-credentials"
    )
    visitor.does("loginMemberEmailPassword", {"email": BOB, "password": ANOTHER})

    visitor.does("sendMemberResetPasswordEmail", {"email": BOB})
    mail = inbox(base_url, BOB)[0]["text"]
    code = re.findall(r"^ +((?:[0-9a-z]{4}-){3}[0-9a-z]{4})$", mail, re.MULTILINE)[0]
    assert f"/reset-password?token={code.replace('-', '')}" in mail
    assert visitor.refused("resetMemberPassword", {"token": "wrong", "newPassword": PASSWORD}) == (
        "invalid-reset-code"
    )
    reset = {"token": f" {code.upper()} ", "newPassword": PASSWORD}
    assert visitor.data("resetMemberPassword", reset) == {"success": True}
    assert visitor.refused("resetMemberPassword", reset) == "invalid-reset-code"
    assert visitor.data("getCurrentMember") is None  # a reset ends every session
    visitor.page.wait_for_function("localStorage.getItem('_ms-mid') === null")
    visitor.does("loginMemberEmailPassword", {"email": BOB, "password": PASSWORD})


def test_without_a_password(visitor: Visitor, base_url: str) -> None:
    visitor.does("sendMemberSignupPasswordlessEmail", {"email": EVE})
    code = code_in(inbox(base_url, EVE)[0])
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert visitor.refused("signupMemberPasswordless", {"email": EVE, "passwordlessToken": wrong}) == (
        "invalid-passwordless-login-code"
    )
    made = visitor.data("signupMemberPasswordless", {"email": EVE, "passwordlessToken": code})["member"]
    assert (made["verified"], made["auth"]["hasPassword"]) == (True, False)
    visitor.does("logout")
    visitor.does("sendMemberLoginPasswordlessEmail", {"email": EVE})
    code = code_in(inbox(base_url, EVE)[0])
    again = {"email": EVE.upper(), "passwordlessToken": f"{code[:3]} {code[3:]}"}
    assert visitor.data("loginMemberPasswordless", again)["member"]["id"] == made["id"]
    assert visitor.refused("loginMemberPasswordless", again) == "invalid-passwordless-login-code"
    assert visitor.data("setPassword", {"password": PASSWORD})["auth"]["hasPassword"] is True
    visitor.does("logout")
    visitor.does("sendMemberSignupPasswordlessEmail", {"email": EVE})
    assert inbox(base_url, EVE)[0]["subject"] == "You have an account already"
