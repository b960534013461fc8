"""A site of another origin, whose pages load msidp's scripts."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser import tab
from tests.support.site import Site

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


def dialog(page: Page, title: str) -> Locator:
    return page.get_by_role("dialog", name=title)


def sign_up(page: Page) -> None:
    """In the dialog that is open."""
    box = dialog(page, "Create an account")
    box.get_by_label("Email address").fill(EMAIL)
    box.get_by_label("Password").fill(PASSWORD)
    box.get_by_role("button", name="Sign up").click()


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


def fill_in(page: Page, email: str = EMAIL, password: str = PASSWORD) -> None:
    """Address and password in the form of CREDENTIALS."""
    page.get_by_label("Mail").fill(email)
    page.get_by_label("Word").fill(password)
