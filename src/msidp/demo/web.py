"""One HTTP request at a time, with the standard library: no redirects, no proxies, no exceptions for 4xx."""

import json
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, ProxyHandler, Request, build_opener

TIMEOUT = 15  # seconds
FORM = "application/x-www-form-urlencoded"


class DemoError(Exception):
    """Something in the walk is not as it should be; the message says what."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    url: str
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The body as JSON. Raises DemoError when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise DemoError(f"{self.url} answered {self.status} with no JSON: {self.text[:200]!r}") from None

    def expect(self, *statuses: int) -> "Answer":
        """This answer, if its status is one of these. Raises DemoError."""
        if self.status not in statuses:
            raise DemoError(f"{self.url} answered {self.status}: {' '.join(self.text.split())[:300]}")
        return self


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        return None


class Web:
    """A sender of requests with a cookie jar of its own."""

    def __init__(self) -> None:
        self.cookies = CookieJar()
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self.cookies), _NoRedirects())

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        json_body: Any = None,
        form: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request; the answer, whatever its status. Raises DemoError when there is none."""
        data, kind = None, {}
        if json_body is not None:
            data, kind = json.dumps(json_body).encode(), {"Content-Type": "application/json"}
        elif form is not None:
            data, kind = urlencode(form).encode(), {"Content-Type": FORM}
        request = Request(url, data, {**kind, **(headers or {})}, method=method)  # noqa: S310  # http is meant
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                return Answer(url, response.status, response.headers, response.read())
        except HTTPError as error:
            with error:
                return Answer(url, error.code, error.headers, error.read())
        except (URLError, OSError) as error:
            raise DemoError(f"{method} {url}: {error}") from error
