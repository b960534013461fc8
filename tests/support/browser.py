"""A real browser: Debian's Chromium, driven by Playwright.

Where there is none the tests that need it are skipped and say so; with MSIDP_REQUIRE_BROWSER=1 they fail.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Request, sync_playwright
from tests.support.node import ROOT as NPM

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARTIFACTS = Path(__file__).parent.parent / ".artifacts"


def chromium_path() -> str | None:
    """Where Chromium is: MSIDP_CHROMIUM, else on the PATH."""
    return os.environ.get("MSIDP_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium; ends with the block."""
    path = chromium_path()
    if path is None:
        message = "no Chromium on this machine (on Debian: apt-get install chromium)"
        if os.environ.get("MSIDP_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser, base_url: str, **options: Any) -> Iterator[Page]:
    """A tab of a fresh profile. It fails the test when the page logs an error or breaks its own policy."""
    context: BrowserContext = browser.new_context(base_url=base_url, **options)
    context.set_default_timeout(30_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if is_complaint(message.text) else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == [], complaints  # pytest does not explain what stands here


def looks(page: Page) -> Iterator[str]:
    """Show the page as it is loaded in the dark on a small screen, then in the light on a wide one."""
    show(page, "dark", 390)
    yield "dark"
    show(page, "light", 1280)
    yield "light"


def show(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    """Change how the page is shown, without loading it anew. Colours do not fade from one to the other."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page, with MSIDP_SCREENSHOTS=1."""
    if os.environ.get("MSIDP_SCREENSHOTS") == "1":
        page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


def is_complaint(text: str) -> bool:
    """Whether the console says more than that an answer had an error status, or that somebody was quicker
    than the page: a field that was clicked while the rest was on its way.
    """
    return not text.startswith(
        (
            "Failed to load resource: the server responded with a status of 4",
            "Autofocus processing was blocked",
        )
    )


def accessibility_problems(page: Page, *only: str) -> list[str]:
    """What axe finds: WCAG 2.2 A and AA, and its best practices, or by these of its rules alone."""
    page.evaluate((NPM / "node_modules" / "axe-core" / "axe.min.js").read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("rules => axe.run({runOnly: rules})", list(only) or tags)
    return [
        f"{violation['id']}: {violation['help']}: {json.dumps([node['html'] for node in violation['nodes']])}"
        for violation in found["violations"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


class Phone:
    """The tab's authenticator: a phone that recognises its holder."""

    def __init__(self, page: Page) -> None:
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def answers(self, present: bool) -> None:
        """Whether somebody touches it."""
        self.cdp.send(
            "WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": present}
        )

    def recognises(self, holder: bool) -> None:
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": holder})

    def credentials(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self.cdp.send(
            "WebAuthn.getCredentials", {"authenticatorId": self.id}
        )["credentials"]
        return found

    def set_counter(self, value: int) -> None:
        """Turn its counter back or forth, as on a copy."""
        for credential in self.credentials():
            self.cdp.send(
                "WebAuthn.removeCredential",
                {"authenticatorId": self.id, "credentialId": credential["credentialId"]},
            )
            self.cdp.send(
                "WebAuthn.addCredential",
                {"authenticatorId": self.id, "credential": {**credential, "signCount": value}},
            )


def transferred(request: Request) -> int:
    """How many bytes the answer had on the wire."""
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
