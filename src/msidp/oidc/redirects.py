"""Redirect URIs: which may be registered, and which request matches one.

Comparison is by exact string (RFC 9700, section 2.1). The one exception is the port of a loopback
address, which a native application learns only when it starts to listen (RFC 8252, section 7.3).
"""

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

MAX_LENGTH = 2000
_MAX_PORT = 65_535
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
_NOT_THE_WEB = "must begin with https:// (or http:// on loopback)"
_RESERVED = {"code", "error", "error_description", "iss", "state"}  # what an authorization response adds

# RFC 3986's characters, less the fragment's mark. Browsers take a backslash for a slash.
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\[[0-9a-f:]+\]")
_PRIVATE_USE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?((?:[/?].*)?)")


def check(uri: str, *, native: bool = False) -> None:
    """Refuse what must not be registered. Raises ValueError and says why.

    Allowed: https anywhere, http on loopback, and for a native application a private-use scheme with a
    dot in it (RFC 8252, section 7.1).
    """
    parts = _parse(uri)
    if parts.scheme in ("http", "https"):
        _check_web(uri)
    elif not native:
        raise ValueError(_NOT_THE_WEB)
    elif not _PRIVATE_USE_SCHEME.fullmatch(parts.scheme):
        raise ValueError("must begin with https:// or a scheme with a dot, such as com.example.app:/")
    if reserved := {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & _RESERVED:
        raise ValueError(f"must not carry {min(reserved)!r} in its query: the response adds it")


def check_page(uri: str) -> None:
    """Refuse what must not be linked to: like a redirect URI of a web application, but for the fragment."""
    page, _, fragment = uri.partition("#")
    _parse(page)
    if fragment and not _CHARACTERS.fullmatch(fragment):
        raise ValueError("holds a character that no URI has")
    _check_web(page)


def check_resource(uri: str) -> None:
    """Refuse what is no resource: an absolute URI without a fragment (RFC 8707, section 2)."""
    _parse(uri)


def _parse(uri: str) -> SplitResult:
    """The parts of what is an absolute URI without a fragment."""
    if len(uri) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    if "#" in uri:
        raise ValueError("must have no fragment")
    if not _CHARACTERS.fullmatch(uri):
        raise ValueError("holds a character that no URI has")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URI") from None
    if set("[]") & set(parts.path + parts.query):
        raise ValueError("holds a bracket, which must be written %5B or %5D there")
    if not uri.startswith(f"{parts.scheme}:"):
        raise ValueError("must be absolute, with its scheme in lower case")
    return parts


def _check_web(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        raise ValueError(_NOT_THE_WEB)
    if "@" in parts.netloc:
        raise ValueError("must hold no user name")
    host = re.sub(r":[0-9]*\Z", "", parts.netloc)
    if not uri.startswith(f"{parts.scheme}://") or not _HOST.fullmatch(host) or parts.netloc.endswith(":"):
        raise ValueError("needs a host name in lower case")
    if parts.port == 0:
        raise ValueError("needs a port above 0")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        raise ValueError("must be https (http is for loopback alone)")


def matches(requested: str, registered: list[str], *, native: bool = False) -> bool:
    """Whether a request may be answered at this URI."""
    if requested in registered:
        return True
    if not native:
        return False
    wanted = _without_loopback_port(requested)
    return wanted is not None and any(_without_loopback_port(uri) == wanted for uri in registered)


def _without_loopback_port(uri: str) -> tuple[str, str] | None:
    found = _LOOPBACK.fullmatch(uri)
    if found is None or not _CHARACTERS.fullmatch(uri) or not 0 < int(found[2] or 80) <= _MAX_PORT:
        return None
    return found[1], found[3]


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """The URI with an authorization response's parameters in its query."""
    separator = "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(parameters, quote_via=quote, safe='')}"


def with_fragment(uri: str, parameters: dict[str, str]) -> str:
    """The URI with an authorization response's parameters in its fragment, where servers never see them."""
    return f"{uri}#{urlencode(parameters, quote_via=quote, safe='')}"


def host(uri: str) -> str | None:
    """The host that a redirect URI leads to; None for an app's, which leads to the app whatever it names."""
    parts = urlsplit(uri)
    return parts.hostname if parts.scheme in ("http", "https") else None


def origin(uri: str) -> str | None:
    """The web origin behind a redirect URI, as a browser's Origin header names it; None for an app's."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else None
