"""A browser without JavaScript: reads pages, finds their forms, submits them, follows redirects.

    browser = Browser(base_url)
    page = browser.get("/login?next=/account")
    page = browser.submit(page.form(), email="ada@example.com", password="correct horse")
    assert page.path == "/account"

Redirects are followed within the site. One that leads to another origin ends the walk: its address is
the page's `redirect`, whether or not anybody listens there.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Form:
    """A form as it would be sent: `values` holds each named field as the page filled it in."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # (name, value, text)


@dataclass
class Page:
    """What came back in the end."""

    url: str
    status: int
    html: str
    headers: requests.structures.CaseInsensitiveDict[str]
    forms: list[Form]
    title: str
    text: str
    redirect: str | None = None

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def redirect_query(self) -> dict[str, str]:
        """The parameters that the redirect carries, each at most once."""
        assert self.redirect is not None, (
            f"no redirect to elsewhere, but {self.status} {self.url}: {self.text}"
        )
        pairs = parse_qs(urlsplit(self.redirect).query, keep_blank_values=True)
        assert all(len(values) == 1 for values in pairs.values()), self.redirect
        return {name: values[0] for name, values in pairs.items()}

    def form(self, action: str | None = None) -> Form:
        """The page's form; with several, the one whose action ends its path so."""
        found = [form for form in self.forms if action is None or urlsplit(form.action).path.endswith(action)]
        assert len(found) == 1, f"{len(found)} forms for {action!r} at {self.status} {self.url}: {self.text}"
        return found[0]


class Browser:
    """One browser with its cookies."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.session.headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"

    def get(self, url: str) -> Page:
        return self._walk("GET", urljoin(self.base_url, url), None)

    def submit(self, form: Form, *, button: str | None = None, **fields: str) -> Page:
        """Send the form with these fields filled in, pressing the button of this text or value.

        A field the form does not have is an error. Without `button`, the first one counts as pressed.
        """
        unknown = set(fields) - set(form.values)
        assert not unknown, f"the form has no field {unknown}, only {set(form.values)}"
        data = {**form.values, **fields, **_pressed(form, button)}
        if form.method == "GET":
            return self.get(requests.Request("GET", form.action, params=data).prepare().url or form.action)
        return self._walk("POST", form.action, data)

    def _walk(self, method: str, url: str, data: dict[str, str] | None) -> Page:
        for _ in range(20):
            response = self.session.request(method, url, data=data, allow_redirects=False, timeout=30)
            location = response.headers.get("Location") if response.is_redirect else None
            if location is None:
                return _page(response, None)
            target = urljoin(url, location)
            if urlsplit(target)[:2] != urlsplit(self.base_url)[:2]:
                return _page(response, target)
            if response.status_code not in (307, 308):
                method, data = "GET", None
            url = target
        raise AssertionError(f"redirected in circles, last to {url}")


def _pressed(form: Form, text: str | None) -> dict[str, str]:
    buttons = [button for button in form.buttons if text is None or text in button[1:]]
    assert buttons or text is None, f"no button {text!r}, only {form.buttons}"
    return {buttons[0][0]: buttons[0][1]} if buttons and buttons[0][0] else {}


def _page(response: requests.Response, redirect: str | None) -> Page:
    reader = _Reader(response.url)
    if "html" in response.headers.get("Content-Type", ""):
        reader.feed(response.text)
        reader.close()
    return Page(
        url=response.url,
        status=response.status_code,
        html=response.text,
        headers=response.headers,
        forms=reader.forms,
        title=" ".join(reader.title.split()),
        text=" ".join(reader.words),
        redirect=redirect,
    )


class _Reader(HTMLParser):
    """Collects forms, the title and the visible words."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[Form] = []
        self.title = ""
        self.words: list[str] = []
        self._open: list[str] = []
        self._form: Form | None = None
        self._button: tuple[str, str] | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if "footer" in self._open:
            return  # the choice of a language, on every page
        if tag == "form":
            action = urljoin(self.url, attributes.get("action") or self.url)
            self._form = Form(action, attributes.get("method", "get").upper())
            self.forms.append(self._form)
        elif self._form is not None and "disabled" not in attributes:
            self._add_control(self._form, tag, attributes)

    def _add_control(self, form: Form, tag: str, attributes: dict[str, str]) -> None:
        name, kind = attributes.get("name", ""), attributes.get("type", "")
        if tag == "button" and kind in ("", "submit"):
            self._button = (name, attributes.get("value", ""))
        elif tag == "input" and kind == "submit":
            form.buttons.append((name, attributes.get("value", ""), attributes.get("value", "")))
        elif tag == "select":
            self._select = name
            form.values[name] = ""
        elif tag == "option":
            if "selected" in attributes:
                form.values[self._select] = attributes.get("value", "")
        elif tag in ("input", "textarea") and name:
            if kind not in ("checkbox", "radio"):
                form.values[name] = attributes.get("value", "")
            elif "checked" in attributes:
                form.values[name] = attributes.get("value", "on")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        if "title" in self._open:
            self.title += data
        elif text := " ".join(data.split()):
            self.words.append(text)
        if self._button is not None and self._form is not None and "button" in self._open and data.strip():
            self._form.buttons.append((*self._button, " ".join(data.split())))
            self._button = None
