"""Every hosted page: by keyboard alone on a small screen, and without scripts; small, and from one site."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Request
from tests.support.browser import Phone, accessibility_problems, overflow, tab, transferred
from tests.support.hands import Keyboard, Pointer
from tests.support.tour import Tour

from msidp import db
from msidp.communities import service as communities
from msidp.settings import Settings

# What a browser shows does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
MAX_TRANSFER = 30_000  # bytes for one page with all that it loads
MAX_STYLES = 8_192  # of them for the stylesheet
PAGES = (Path(__file__).parents[2] / "docs" / "pages.md").read_text()
GALLERY = re.findall(r"images/pages/([\w-]+)-light\.webp", PAGES)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a name, for passkeys; sign-ups begin with a mailed link."""
    base_url = settings.base_url.replace("127.0.0.1", "localhost")
    return settings.model_copy(update={"base_url": base_url, "sign_up_proof": True})


@pytest.fixture
def site(app: Flask, base_url: str) -> str:
    with db.transaction() as session:
        communities.ensure_default(session).name = "Riverside Makers"
    return base_url


class Wire:
    """What the browser has sent for since the page before."""

    def __init__(self, page: Page, site: str) -> None:
        self._requests: list[Request] = []
        self._site = urlsplit(site)[:2]
        page.on("requestfinished", lambda request: self._requests.append(request))

    def check(self, name: str) -> None:
        """See that it asked this site alone. The page itself is what came since it was asked for last."""
        asked = [number for number, each in enumerate(self._requests) if each.is_navigation_request()]
        page = self._requests[asked[-1] if asked else 0 :]
        assert {urlsplit(each.url)[:2] for each in self._requests} <= {self._site}, name
        assert sum(map(transferred, page)) <= MAX_TRANSFER, name
        styles = [each for each in page if ".css" in each.url]
        assert sum(each.sizes()["responseBodySize"] for each in styles) <= MAX_STYLES
        self._requests.clear()


def inline(page: Page) -> list[str]:
    """What a strict policy would not run or paint, and what takes the focus away from a page."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("script:not([src]), style, dialog, [style], [tabindex]")]
        .filter((each) => Number(each.getAttribute("tabindex") ?? 1) > 0).map((each) => each.outerHTML)
        .concat([...document.querySelectorAll("*")].flatMap((each) => each.getAttributeNames())
          .filter((name) => name.startsWith("on")))"""
    )
    return found


def too_small(page: Page) -> list[str]:
    """What nobody hits who has no steady hand (WCAG 2.5.8). Links within a sentence are excepted there."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("a, button, summary, input:not([type=hidden])")]
        .filter((each) => each.checkVisibility() && !each.matches("[hidden] *, .lead a, .letter a, .hint a"))
        .filter((each) => each.offsetWidth < 24 || each.offsetHeight < 24)
        .map((each) => each.outerHTML)"""
    )
    return found


def test_by_keyboard_alone_on_a_small_screen(browser: Browser, site: str, secret_key: str) -> None:
    """The focus is always seen and goes down the page; what went wrong gets it; nothing traps it."""
    with tab(browser, site, viewport={"width": 320, "height": 720}) as page:
        phone, wire = Phone(page), Wire(page, site)
        names = []
        for name in Tour(page, Keyboard(page), site, secret_key, presence=phone.answers):
            wire.check(name)
            assert accessibility_problems(page) == [], name
            page.emulate_media(color_scheme="dark")
            assert accessibility_problems(page, "color-contrast") == [], name
            page.emulate_media(color_scheme="light")
            assert overflow(page) <= 0, name
            assert inline(page) == [], name
            assert too_small(page) == [], name
            names.append(name)
        assert names == GALLERY  # else: make pictures


def test_without_scripts(browser: Browser, site: str, secret_key: str) -> None:
    options = {
        "java_script_enabled": False,
        "color_scheme": "dark",
        "viewport": {"width": 1280, "height": 720},
    }
    with tab(browser, site, **options) as page:
        wire = Wire(page, site)
        for name in Tour(page, Pointer(page), site, secret_key, scripts=False):
            wire.check(name)
            assert overflow(page) <= 0, name
