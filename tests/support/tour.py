"""A tour of every hosted page, in the states that matter, for whoever looks at them: tests, and docs/images.

It works any instance with a development inbox and MSIDP_SIGN_UP_PROOF=1, over HTTP alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pyotp
import requests
from playwright.sync_api import Page
from tests.support.hands import Hands

ADA = "ada@example.com"
NEW = "ada@lovelace.example"
PASSWORD = "correct horse"
NEW_PASSWORD = "staple battery"


@dataclass
class Tour:
    """One walk through the pages. Each part yields the names of the pages that it stands on."""

    page: Page
    hands: Hands
    base_url: str
    secret_key: str
    scripts: bool = True  # without, nothing is shown that needs them
    presence: Callable[[bool], None] = field(default=lambda _present: None)  # of who holds the passkey

    def __iter__(self) -> Iterator[str]:
        self._register()
        yield from self._sign_up()
        yield from self._sign_in()
        yield from self._account()
        yield from self._applications()
        yield from self._devices()
        if self.scripts:
            yield from self._passkeys()
        yield from self._two_factor()
        yield from self._reset()
        yield from self._address()
        yield from self._ends()

    def _sign_up(self) -> Iterator[str]:
        self.page.goto(self._request(prompt="create"))
        yield "signup"
        self.hands.press("Create account")
        self.hands.refused()
        yield "signup-invalid"
        self.hands.fill("Email address", ADA)
        self.hands.fill("Password", PASSWORD)
        self.hands.fill("Name", "Ada Lovelace")
        self.hands.press("Create account")
        self._at("Look into your mail")
        yield "signup-sent"
        self.page.goto("/dev/inbox")
        yield "inbox"
        self._follow("/signup/finish")
        yield "signup-finish"
        self.hands.press("Create my account")
        self._at("Allow Acme Notes?")
        yield "consent"
        self.hands.press("Allow")
        self.page.wait_for_url("**/healthz?*")
        self._join_plan()
        self._sign_out()

    def _sign_in(self) -> Iterator[str]:
        self.page.goto(self._request())
        yield "login"
        self.hands.fill("Email address", ADA)
        self.hands.fill("Password", "wrong password")
        self.hands.press("Sign in")
        self.hands.refused()
        yield "login-refused"
        self.page.goto("/login")
        self.hands.press("sign in by mail")
        self._at("Sign in by mail")
        yield "login-mail"
        self.hands.fill("Email address", ADA)
        self.hands.press("Mail me a code")
        self._at("Enter your code")
        yield "login-code"
        self.hands.fill("Code", "000000")
        self.hands.press("Sign in")
        self.hands.refused()
        yield "login-code-refused"
        self._follow("/login/link")
        yield "login-link"
        self.hands.press("Sign in")
        self._at("Ada Lovelace")

    def _account(self) -> Iterator[str]:
        yield "account"
        self._open("Profile")
        self.hands.fill("Date of birth", "yesterday")
        self.hands.press("Save")
        self.hands.refused()
        yield "profile-invalid"
        self.hands.fill("Date of birth", "1915-12-10")
        self.hands.press("Save")
        self.page.get_by_text("Your profile is saved.").wait_for()
        self._open("Profile")
        yield "profile"
        for name in (
            "Photo",
            "Password",
            "Connected applications",
            "Where you are signed in",
            "Delete your account",
        ):
            self._open(name)
            yield name.split()[0].lower().replace("where", "sessions").replace("connected", "applications")
        self.hands.press("Delete my account")
        self.hands.refused()
        yield "delete-invalid"

    def _applications(self) -> Iterator[str]:
        self.page.goto(self._request(prompt="select_account"))
        yield "choose-account"
        self.hands.press("Continue as Ada")
        self.page.wait_for_url("**/healthz?*")
        self.page.goto(self._request(redirect_uri="https://evil.example/cb"))
        yield "request-refused"
        if not self.scripts:
            self.page.goto(self._request(response_mode="form_post"))
            yield "form-post"
        self.page.goto("/end-session")
        yield "end-session"
        self.hands.press("Stay signed in")
        self._at("Ada Lovelace")

    def _devices(self) -> Iterator[str]:
        answer = requests.post(
            f"{self.base_url}/device_authorization",
            {"client_id": self.television, "scope": "openid profile email"},
            timeout=10,
        )
        self.page.goto("/device")
        self.hands.fill("Code", "AAAA-AAAA")
        self.hands.press("Continue")
        self.hands.refused()
        yield "device"
        self.hands.fill("Code", answer.json()["user_code"])
        self.hands.press("Continue")
        self._at("Connect Riverside TV?")
        yield "device-confirm"
        self.hands.press("Connect")
        self._at("Riverside TV is connected")
        yield "device-done"

    def _passkeys(self) -> Iterator[str]:
        self._open("Passkeys")
        self.hands.press("Add a passkey")
        self._at("Add a passkey")
        yield "passkey-new"
        self.hands.fill("Name", "My phone")
        self.hands.press("Create the passkey")
        self.page.locator("strong", has_text="My phone").wait_for()
        self.hands.press("Change")
        self.hands.fill("Name", "Ada's phone")
        yield "passkeys"
        self.hands.press("Rename")
        self.page.locator("strong", has_text="Ada's phone").wait_for()
        self._sign_out()
        self.presence(False)
        self.page.goto("/login")
        yield "login-with-passkey"
        self.presence(True)
        self.hands.press("Sign in with a passkey")
        self._at("Ada Lovelace")

    def _two_factor(self) -> Iterator[str]:
        self._open("Two-factor sign-in")
        yield "two-factor"
        self.hands.press("Set up an authenticator app")
        self.page.wait_for_selector("img.qr")
        yield "two-factor-set-up"
        secret = self.page.locator("code").first.inner_text().replace(" ", "")
        self.hands.fill("Code", pyotp.TOTP(secret).now())
        self.hands.press("Switch on")
        self._at("Keep these recovery codes")
        yield "recovery-codes"
        recovery_code = self.page.locator("ul code").first.inner_text()
        self.hands.press("I have kept them")
        self._at("Two-factor sign-in")
        yield "two-factor-on"
        self._sign_out()
        self.presence(False)
        self._log_in(PASSWORD)
        self.hands.fill("Code", "123456")
        self.hands.press("Continue")
        self.hands.refused()
        yield "verify-refused"
        self.hands.press("Use a recovery code")
        self.page.get_by_label("Recovery code").wait_for()
        yield "verify-recovery"
        self.hands.fill("Recovery code", recovery_code)
        self.hands.press("Continue")
        self._at("Ada Lovelace")
        self._open("Two-factor sign-in")
        self.hands.press("Remove the authenticator app")
        self.page.get_by_role("button", name="Set up").wait_for()

    def _reset(self) -> Iterator[str]:
        self._sign_out()
        self.page.goto("/login")
        self.hands.press("Choose a new one")
        self._at("Forgot your password?")
        yield "forgot-password"
        self.hands.fill("Email address", ADA)
        self.hands.press("Mail me a link")
        self._at("Look into your mail")
        yield "mail-sent"
        link = self._follow("/reset-password")
        yield "reset-password"
        self.hands.fill("New password", NEW_PASSWORD)
        self.hands.press("Save and sign in")
        self._at("Ada Lovelace")
        self.page.goto(link)
        yield "link-gone"

    def _address(self) -> Iterator[str]:
        self._open("Email address")
        yield "email"
        self.hands.fill("New email address", NEW)
        self.hands.press("Change address")
        self._at("Look into your mail")
        self._follow("/keep-email")
        yield "keep-email"
        self._follow("/change-email")
        yield "change-email"
        self.hands.press("Use this address")
        self._at("Your address is changed")
        yield "email-done"
        self._api("PATCH", f"/members/{self.member}", verified=False)
        self._open("Email address")
        self.hands.press("Mail me a link")
        self._at("Look into your mail")
        self._follow("/verify-email")
        yield "verify-email"
        self.hands.press("Confirm")
        self._at("Your address is confirmed")

    def _ends(self) -> Iterator[str]:
        self._open("Recent activity")
        yield "activity"
        self.page.goto("/logout")
        yield "logout"
        self.hands.press("Sign out")
        self._at("You are signed out")
        yield "signed-out"
        self.page.goto("/no-such-page")
        yield "error"

    # What the tour needs along the way.

    def _register(self) -> None:
        self.callback = f"{self.base_url}/healthz"
        grants = ["urn:ietf:params:oauth:grant-type:device_code"]
        uris = {"redirectUris": [self.callback]}
        self.client = self._api("POST", "/applications", name="Acme Notes", type="web", **uris)["clientId"]
        television = {"name": "Riverside TV", "type": "native", "grantTypes": grants}
        self.television = self._api("POST", "/applications", **television)["clientId"]

    def _join_plan(self) -> None:
        plan = self._api("POST", "/plans", name="Workshop")
        self.member = self._api("GET", f"/members/{ADA}")["id"]
        self._api("POST", f"/members/{self.member}/add-plan", planId=plan["id"])

    def _request(self, **changes: str) -> str:
        """The path of an authorization request."""
        query = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.callback,
            "scope": "openid profile email offline_access",
        }
        return f"/authorize?{urlencode(query | changes)}"

    def _open(self, name: str) -> None:
        """A page of the account, by its link there."""
        self.page.goto("/account")
        self.hands.press(name)
        self.page.locator(".back").wait_for()

    def _log_in(self, password: str) -> None:
        self.page.goto("/login")
        self.hands.fill("Email address", ADA)
        self.hands.fill("Password", password)
        self.hands.press("Sign in")
        self._at("Confirm that it is you")

    def _sign_out(self) -> None:
        self.page.goto("/logout")
        self.hands.press("Sign out")
        self._at("You are signed out")

    def _at(self, heading: str) -> None:
        self.page.get_by_role("heading", name=heading, exact=True).wait_for()

    def _follow(self, path: str) -> str:
        """Open the link to this page in the latest mail that carries one."""
        mails: list[dict[str, Any]] = requests.get(f"{self.base_url}/dev/inbox", timeout=10).json()["data"]
        pattern = re.compile(rf"\S*{re.escape(path)}\?token=[\w-]+")
        link = next(found[0] for mail in mails if (found := pattern.search(mail["text"])))
        self.page.goto(link)
        return link

    def _api(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = requests.request(
            method,
            f"{self.base_url}{path}",
            json=body or None,
            headers={"X-API-KEY": self.secret_key},
            timeout=10,
        )
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"] if answer.text.startswith("{") else {}
        return data
