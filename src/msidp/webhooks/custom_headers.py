"""The headers an endpoint adds to its requests: which may be set."""

import re
from collections.abc import Mapping

MAX_HEADERS = 20
MAX_VALUE = 1024  # characters
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")  # RFC 9110, token
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")
_RESERVED = frozenset(
    (
        "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect",
        "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    )
)  # fmt: skip
_RESERVED_PREFIXES = ("proxy-", "svix-", "webhook-", "x-memberpad-")


def check(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers, if they may be sent along. Raises ValueError and says why not."""
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"at most {MAX_HEADERS} headers can be added")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is there twice")
    for name, value in headers.items():
        _check_name(name)
        if len(value) > MAX_VALUE or not _VALUE.match(value):
            raise ValueError(f"the value of {name} must be 1 to {MAX_VALUE} printable ASCII characters")
    return headers


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise ValueError("a header's name must be a token of at most 64 characters (RFC 9110)")
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES):
        raise ValueError(f"{name} is reserved")
