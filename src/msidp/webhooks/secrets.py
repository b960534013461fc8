"""An endpoint's secrets, those that sign and its custom headers: sealed in the database, opened to be used.

Each is sealed under its row's id, so that a value moved to another row does not open there.
"""

import base64
import json
from collections.abc import Mapping
from functools import lru_cache

from msidp.vault.fields import CannotOpen, cipher

_HEADERS_OF_ANY_ROW = "webhook_endpoint.headers"  # what the first version sealed headers under


def check(secret: str) -> str:
    """A secret that somebody brings along, if it can sign (Standard Webhooks 1.0). Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:  # binascii's, or what is not ASCII
        key = b""
    if not 24 <= len(key) <= 64 or secret != "whsec_" + base64.b64encode(key).decode():
        raise ValueError("must be whsec_ and the standard base64 of 24 to 64 bytes")
    return secret


def seal(endpoint_id: str, secret: str) -> str:
    """The secret as the endpoint's row holds it."""
    return cipher().seal(secret, _context(endpoint_id))


def open_secrets(
    endpoint_id: str, sealed: str, sealed_previous: str | None, previous_expires_at: int | None, now: int
) -> tuple[str, ...]:
    """The secrets that sign at this moment, newest first: the present one, and the one before while it lasts.

    Raises `vault.fields.CannotOpen` where the instance no longer holds the key they were sealed with.
    """
    secret = _open(endpoint_id, sealed)
    if sealed_previous is None or previous_expires_at is None or previous_expires_at <= now:
        return (secret,)
    return secret, _open(endpoint_id, sealed_previous)


def seal_headers(endpoint_id: str, headers: Mapping[str, str]) -> str:
    """Custom headers as the endpoint's row holds them. None at all are not worth a seal."""
    return cipher().seal(json.dumps(dict(headers)), _headers_context(endpoint_id)) if headers else ""


def open_headers(endpoint_id: str, sealed: str) -> dict[str, str]:
    """Custom headers from the endpoint's row.

    Those that no secret key at hand opens read as none: they must not keep a list from being read.
    """
    if not sealed:
        return {}
    try:
        return dict(_open_headers(endpoint_id, sealed))
    except CannotOpen:
        return {}


@lru_cache(maxsize=4096)
def _open_headers(endpoint_id: str, sealed: str) -> dict[str, str]:
    try:
        text = cipher().open(sealed, _headers_context(endpoint_id))
    except CannotOpen:
        text = cipher().open(sealed, _HEADERS_OF_ANY_ROW)
    opened: dict[str, str] = json.loads(text)
    return opened


@lru_cache(maxsize=4096)
def _open(endpoint_id: str, sealed: str) -> str:
    return cipher().open(sealed, _context(endpoint_id))


def _context(endpoint_id: str) -> str:
    return f"webhook_endpoint:{endpoint_id}"


def _headers_context(endpoint_id: str) -> str:
    return f"webhook_endpoint.headers:{endpoint_id}"
