"""Members with a second factor, made as they would make it: through the pages."""

import re
import time
from html import unescape

import pyotp
from tests.support.forms import Browser, Page

from msidp import clock

STEP = 30  # seconds
TO_ARRIVE = 3.0  # seconds that a code has, before the step ends in which it was read
PASSWORD = "correct horse"
ADA = "ada@example.com"


def sign_up(browser: Browser, email: str = ADA) -> Page:
    return browser.submit(browser.get("/signup").form(), email=email, password=PASSWORD)


def log_in(browser: Browser, email: str = ADA, at: str = "/login") -> Page:
    return browser.submit(browser.get(at).form("/login"), email=email, password=PASSWORD)


def code(secret: str, offset: int = 0) -> str:
    """The code that an app shows now, or so many steps from now. At a step's end, that of the next one."""
    left = STEP - clock.now() / clock.SECOND % STEP
    if left < TO_ARRIVE:
        time.sleep(left)
    return pyotp.TOTP(secret).at(clock.seconds(clock.now()), counter_offset=offset)


def begin(browser: Browser) -> tuple[Page, str]:
    """The page that shows a new app's secret, and the secret."""
    page = browser.submit(browser.get("/account/two-factor").form("/start"))
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page.html)
    assert found is not None, page.text
    return page, found[1].replace(" ", "")


def add_app(browser: Browser) -> tuple[str, list[str]]:
    """Switch two-factor sign-in on. Returns the secret and the recovery codes.

    The code comes from the step before, so that the present one is still good.
    """
    page, secret = begin(browser)
    page = browser.submit(page.form("/set-up"), code=code(secret, -1))
    return secret, codes_on(page)


def codes_on(page: Page) -> list[str]:
    return [unescape(found) for found in re.findall(r"<li><code>([^<]+)</code>", page.html)]
