"""HTTP to one msidp: a connection pool, time-outs, retries where they are safe, errors as exceptions."""

import json
import os
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError

from msidp.admin.errors import Unreachable, api_error

ATTEMPTS = 3
_PAUSES = (0.1, 0.4)  # seconds before the second and the third attempt, ± half
_PASSING = (502, 503, 504)  # a proxy or msidp says: not now


class Transport:
    """Sends requests to one base URL. Safe to share between threads, and across a fork."""

    def __init__(self, api_key: str | None, base_url: str, timeout: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("base_url must be an absolute http or https URL, e.g. https://id.example.com")
        self.base_url = base_url.rstrip("/")
        self._timeout = urllib3.Timeout(total=timeout)
        self._agent = {"User-Agent": f"msidp-python/{version('msidp')}", "Accept": "application/json"}
        self._key = {"X-API-KEY": api_key} if api_key else {}
        self._open()

    def _open(self) -> None:
        self._pool = urllib3.PoolManager(maxsize=16)
        self._process = os.getpid()

    def close(self) -> None:
        """Close the kept connections. The next request opens new ones."""
        self._pool.clear()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """GET a path of the Admin API; its JSON. Retried."""
        suffix = f"?{urlencode(query)}" if query else ""
        return self._call("GET", path + suffix, None, {}, retry=True)

    def post(self, path: str, body: Any, idempotency_key: str | None = None) -> Any:
        """POST JSON. Retried: the Idempotency-Key lets msidp recognise a repetition."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._call("POST", path, body, headers, retry=True)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH with JSON. Not repeated once it may have arrived."""
        return self._call("PATCH", path, body, {}, retry=False)

    def delete(self, path: str) -> Any:
        """DELETE. Not repeated once it may have arrived: the repetition would find nothing."""
        return self._call("DELETE", path, None, {}, retry=False)

    def stream(self, method: str, path: str, body: Any) -> tuple[int, str, Iterator[bytes]]:
        """Any request; the answer's status, its Content-Type and its body as it comes. Raises Unreachable."""
        headers = {**self._agent, **self._key}
        content = None
        if body is not None:
            content = json.dumps(body, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        retry = method in ("GET", "POST")
        response = self._send(method, self.base_url + path, content, headers, retry=retry, whole=False)
        return response.status, response.headers.get("Content-Type", ""), _pieces(response)

    def fetch_public(self, url: str) -> Any:
        """GET a public document of the provider, without the API key; its JSON. Retried."""
        return self._answer(self._send("GET", url, None, self._agent, retry=True))

    def _call(self, method: str, path: str, body: Any, headers: Mapping[str, str], *, retry: bool) -> Any:
        headers = {**self._agent, **self._key, **headers}
        content = None
        if body is not None:
            content = json.dumps(body, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        return self._answer(self._send(method, self.base_url + path, content, headers, retry=retry))

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        retry: bool,
        whole: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        if self._process != os.getpid():
            self._open()  # two processes must not share a connection
        for pause in (*_PAUSES, None):
            try:
                response = self._pool.request(
                    method,
                    url,
                    body=body,
                    headers=headers,
                    timeout=self._timeout,
                    retries=False,
                    redirect=False,
                    preload_content=whole,
                )
            except HTTPError as error:
                unsent = isinstance(error, ConnectTimeoutError)
                if pause is None or not (retry or unsent):
                    raise Unreachable(f"{method} {url.partition('?')[0]}: {error}") from error
            else:
                if pause is None or not retry or response.status not in _PASSING:
                    return response
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  # spreads retries, guards nothing
        raise AssertionError("the last attempt returns or raises")

    @staticmethod
    def _answer(response: urllib3.BaseHTTPResponse) -> Any:
        try:
            body = json.loads(response.data)
        except (ValueError, RecursionError):
            body = None  # plan changes answer with the text OK
        if not 200 <= response.status < 300:
            raise api_error(response.status, body, response.headers.get("Retry-After"))
        return body


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body. Raises Unreachable where it breaks off."""
    try:
        yield from response.stream(2**16)
    except HTTPError as error:
        raise Unreachable(f"the answer broke off: {error}") from error
    finally:
        response.release_conn()


def segment(value: str) -> str:
    """A value as one segment of a path. Raises ValueError for what a path would not keep as one."""
    if value in ("", ".", ".."):
        raise ValueError(f"{value!r} is not an id")
    return quote(value, safe="")
