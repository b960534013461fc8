"""A browser without JavaScript: keeps cookies, follows redirects and links, fills in forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin, urlsplit

from msidp.demo.web import Answer, DemoError, Web

_MAX_HOPS = 20
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Form:
    """A form as it would be sent, and its buttons as (name, value, text)."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Page:
    """Where a walk of redirects ended, and which places it went through."""

    answer: Answer
    hops: list[str]
    forms: list[Form]
    links: list[str]
    text: str

    @property
    def path(self) -> str:
        return urlsplit(self.answer.url).path

    def form_with(self, field_name: str) -> Form:
        """The form that has this field. Raises DemoError."""
        for form in self.forms:
            if field_name in form.values:
                return form
        raise DemoError(f"no form with the field {field_name!r} at {self.answer.url}: {self.text[:300]}")

    def form_with_button(self, value: str) -> Form:
        """The form that can be sent by a button of this value. Raises DemoError."""
        for form in self.forms:
            if value in (button[1] for button in form.buttons):
                return form
        raise DemoError(f"no button {value!r} at {self.answer.url}: {self.text[:300]}")

    def link_to(self, path: str) -> str:
        """The address of the first link to this path. Raises DemoError."""
        for link in self.links:
            if urlsplit(link).path == path:
                return link
        raise DemoError(f"no link to {path} at {self.answer.url}")


class Browser:
    """One person's browser."""

    def __init__(self) -> None:
        self._web = Web()

    @property
    def cookies(self) -> CookieJar:
        """The cookies it keeps."""
        return self._web.cookies

    def open(self, url: str) -> Page:
        """Go to an address."""
        return self._walk("GET", url, None)

    def submit(self, form: Form, button: str | None = None, **fields: str) -> Page:
        """Fill these fields in and press the button of this value, or else the form's first."""
        unknown = fields.keys() - form.values.keys()
        if unknown:
            raise DemoError(f"the form at {form.action} has no field {', '.join(sorted(unknown))}")
        buttons = [found for found in form.buttons if button in (None, found[1])]
        pressed = {name: value for name, value, _ in buttons[:1] if name}
        values = {**form.values, **fields, **pressed}
        if form.method == "GET":
            return self._walk("GET", f"{form.action}?{urlencode(values)}", None)
        return self._walk("POST", form.action, values)

    def _walk(self, method: str, url: str, form: dict[str, str] | None) -> Page:
        site = "same-origin" if form is not None else "none"
        hops: list[str] = []
        for _ in range(_MAX_HOPS):
            hops.append(urlsplit(url).path)
            headers = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Site": site}
            answer = self._web.send(method, url, headers=headers, form=form)
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or location is None:
                return _page(answer.expect(200), hops)
            url = urljoin(url, location)
            if answer.status not in (307, 308):
                method, form = "GET", None
        raise DemoError(f"redirected in circles, last to {url}")


def _page(answer: Answer, hops: list[str]) -> Page:
    reader = _Reader(answer.url)
    reader.feed(answer.text)
    reader.close()
    return Page(answer, hops, reader.forms, reader.links, " ".join(reader.words))


class _Reader(HTMLParser):
    """Collects forms, links and visible words."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._url = url
        self._open: list[str] = []
        self._form: Form | None = None
        self._button: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "a" and "href" in attributes:
            self.links.append(urljoin(self._url, attributes["href"]))
        elif tag == "form":
            action = urljoin(self._url, attributes.get("action") or self._url)
            self._form = Form(action, attributes.get("method", "get").upper())
            self.forms.append(self._form)
        elif self._form is not None and "disabled" not in attributes:
            self._add_control(self._form, tag, attributes)

    def _add_control(self, form: Form, tag: str, attributes: dict[str, str]) -> None:
        name, kind = attributes.get("name", ""), attributes.get("type", "")
        if tag == "button" and kind in ("", "submit"):
            self._button = (name, attributes.get("value", ""))
        elif tag in ("input", "textarea", "select") and name:
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
        text = " ".join(data.split())
        if not text or {"script", "style"} & set(self._open[-1:]):
            return
        self.words.append(text)
        if self._button is not None and self._form is not None:
            self._form.buttons.append((*self._button, text))
            self._button = None
