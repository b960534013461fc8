"""Two ways to work a page: by pointer, and by the keyboard alone. Both name things as the page does."""

import re
from typing import Any, Protocol

from playwright.sync_api import Page

MAX_TABS = 100
# What has the focus: its name, whether that shows, and whether it stands after what had it before.
_FOCUSED = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) { window.before = null; return null; }
  const label = here.labels?.[0] ?? here;
  const style = getComputedStyle(here), box = here.getBoundingClientRect(), before = window.before;
  const isAfter = !before || !before.isConnected || before === here
    || Boolean(before.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING);
  window.before = here;
  return {
    name: label.textContent.trim().replace(/\\s+/g, " "),
    tag: here.tagName, role: here.getAttribute("role"), checked: here.checked, isAfter,
    ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


class Hands(Protocol):
    """What a person does with a page. A `name` is how the label or the text begins."""

    def fill(self, name: str, text: str) -> None:
        """Write into a field, in place of what stands there."""

    def press(self, name: str) -> None:
        """Press a button, follow a link, open what can be opened."""

    def refused(self) -> None:
        """See that the page has come back and says what was wrong."""


class Pointer:
    """A mouse or a finger."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def fill(self, name: str, text: str) -> None:
        self.page.get_by_label(re.compile(rf"^\s*{re.escape(name)}")).first.fill(text)

    def press(self, name: str) -> None:
        said = re.compile(rf"^\s*{re.escape(name)}")
        self.page.locator("a, button, summary").filter(has_text=said, visible=True).first.click()

    def refused(self) -> None:
        self.page.wait_for_selector("[role=alert]")


class Keyboard:
    """Tab, Enter, Space and letters. It insists on a focus that is seen and goes down the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def fill(self, name: str, text: str) -> None:
        self._to(name, {"INPUT"})
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def press(self, name: str) -> None:
        found = self._to(name, {"A", "BUTTON", "SUMMARY"})
        self.page.keyboard.press("Space" if found["tag"] == "BUTTON" else "Enter")

    def refused(self) -> None:
        self.page.wait_for_selector("[role=alert]")
        here = self._focused()
        assert here is not None, "the focus is nowhere, and something was wrong"
        assert here["role"] == "alert", f"the focus is on {here['name']}"
        assert here["ringed"], "nobody sees that the focus is on what was wrong"

    def _to(self, name: str, tags: set[str]) -> dict[str, Any]:
        here = self._focused()
        passed: list[str] = []
        for _ in range(MAX_TABS):
            if here is not None:
                if here["tag"] in tags and here["name"].startswith(name):
                    return here
                passed.append(here["name"])
            self.page.keyboard.press("Tab")
            here = self._focused()
            if here is not None:
                assert here["ringed"], f"no visible focus on {here['name']}"
                assert here["seen"], f"the focus is out of sight on {here['name']}"
                assert here["isAfter"], f"the focus jumps back to {here['name']} after {passed[-1]}"
        raise AssertionError(f"no key leads to {name!r} on {self.page.url}, only to {passed}")

    def _focused(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.page.evaluate(_FOCUSED)
        return found
