"""Verify webhooks of every dialect: Standard Webhooks 1.0, Svix's header names, MemberPad's signature.

With the standard library alone; only a public key (`whpk_…`, for `v1a` signatures) needs cryptography.

A delivery that carries a signature with a time in it (`webhook-*`, else `svix-*`) stands or falls by
that one. `X-MemberPad-Signature` covers the body alone, so it decides only where there is no other.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from msidp.admin.errors import InvalidSignature
from msidp.admin.models import Event, moment

DEFAULT_TOLERANCE = 300  # seconds a signed time may lie in the past or the future
_Pairs = Iterable[tuple[str | bytes, str | bytes]]

_SECRET_PREFIX = "whsec_"  # noqa: S105  # the prefix of secrets, not one of them
_PUBLIC_PREFIX = "whpk_"
_TIMED = ("webhook", "svix")
_MEMBERPAD = "x-memberpad-signature"
_SECONDS = re.compile(r"[0-9]{1,12}\Z")


class HasItems(Protocol):
    """A mapping of headers, as web frameworks and `http.server` have one."""

    def items(self) -> Iterable[tuple[str, str]]: ...


Headers = HasItems | _Pairs


def verify_webhook(
    payload: bytes | str, headers: Headers, secret: str, *, tolerance: float = DEFAULT_TOLERANCE
) -> Event:
    """Check who sent a webhook, and read it.

    `payload` is the request's body exactly as it arrived; `headers` a mapping or a list of pairs, names
    in any case; `secret` the endpoint's `whsec_…`, or for an endpoint with `v1a` a public key `whpk_…` of
    /.well-known/webhook-keys; `tolerance` the greatest age of the signature in seconds (each attempt is
    signed anew). Raises InvalidSignature.
    """
    body = _as_bytes(payload)
    found = _lower(headers)
    for family in _TIMED:
        if f"{family}-signature" in found:
            signed_at = _check_timed(body, found, family, secret, tolerance)
            return _read(body, found[f"{family}-id"], signed_at)
    if _MEMBERPAD in found and not secret.startswith(_PUBLIC_PREFIX):
        _check_memberpad(body, found[_MEMBERPAD], secret)
        return _read(body, found.get("x-memberpad-delivery", ""), None)
    raise InvalidSignature("missing", "The request carries no webhook signature.")


def _as_bytes(payload: Any) -> bytes:
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogatepass")
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"payload must be the body's bytes as they arrived, not {type(payload).__name__}")


def _lower(headers: Headers) -> dict[str, str]:
    """The headers under lower-case names. One that stands there twice with two values is refused."""
    pairs: _Pairs = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, str] = {}
    for name, value in pairs:
        key = _text(name).lower()
        text = _text(value)
        if found.setdefault(key, text) != text and key.startswith((*_TIMED, "x-memberpad-")):
            raise InvalidSignature("headers", f"The header {key} is there twice.")
    return found


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _check_timed(
    body: bytes, headers: Mapping[str, str], family: str, secret: str, tolerance: float
) -> datetime:
    """Standard Webhooks 1.0: over `id.timestamp.body`, one signature or more."""
    message_id = headers.get(f"{family}-id", "")
    timestamp = headers.get(f"{family}-timestamp", "")
    if not message_id or not _SECONDS.match(timestamp):
        raise InvalidSignature("headers", f"{family}-id or {family}-timestamp is missing or unusable.")
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    given = headers[f"{family}-signature"].split(" ")
    holds = _holds_asymmetric if secret.startswith(_PUBLIC_PREFIX) else _holds_symmetric
    if not holds(secret, signed, given):
        raise InvalidSignature("signature", "The signature does not match the body and the secret.")
    age = time.time() - int(timestamp)
    if not -tolerance <= age <= tolerance:
        where = "ago" if age > 0 else "ahead"
        raise InvalidSignature("timestamp", f"The webhook was signed {abs(age):.0f} seconds {where}.")
    return datetime.fromtimestamp(int(timestamp), UTC)


def _holds_symmetric(secret: str, signed: bytes, given: list[str]) -> bool:
    """`v1,` and the base64 of HMAC-SHA256."""
    expected = b"v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256))
    return any([_equal(expected, signature) for signature in given])  # noqa: C419  # all of them: constant time


def _holds_asymmetric(public_key: str, signed: bytes, given: list[str]) -> bool:
    """`v1a,` and the base64 of an ed25519 signature."""
    from cryptography.exceptions import InvalidSignature as WrongSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(
            base64.b64decode(public_key[len(_PUBLIC_PREFIX) :], validate=True)
        )
    except ValueError:
        raise InvalidSignature("secret", "This is not a public key (whpk_ and base64 of 32 bytes).") from None
    for signature in given:
        version, _, encoded = signature.partition(",")
        if version == "v1a":
            with suppress(WrongSignature, ValueError):
                key.verify(base64.b64decode(encoded, validate=True), signed)
                return True
    return False


def _check_memberpad(body: bytes, signature: str, secret: str) -> None:
    """MemberPad: `sha256=<hex HMAC-SHA256 over the body>`, the secret used whole."""
    _key(secret)  # one that was never set would make everybody's signature good
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).hexdigest()
    if not _equal(f"sha256={digest}".encode(), signature):
        raise InvalidSignature("signature", "The signature does not match the body and the secret.")


def _equal(expected: bytes, given: str) -> bool:
    return hmac.compare_digest(expected, given.encode("utf-8", "surrogatepass"))


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_SECRET_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise InvalidSignature("secret", "This is not a webhook secret (whsec_ and base64).")
    return key


def _read(body: bytes, event_id: str, signed_at: datetime | None) -> Event:
    """The event in a body that was found genuine. The body itself shows its dialect."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    if not isinstance(envelope, dict):
        raise InvalidSignature("body", "The body is signed, but it is not a JSON object.")
    dialect = _dialect(envelope)
    name = envelope.get("type" if dialect == "standard" else "event")
    data = envelope.get("payload" if dialect == "memberstack" else "data")
    if not isinstance(name, str) or not isinstance(data, dict):
        raise InvalidSignature("body", "The body is signed, but it is not an event.")
    reason = envelope.get("reason")
    return Event(
        id=event_id,
        type=name,
        timestamp=moment(envelope.get("timestamp")),
        data=data,
        dialect=dialect,
        signed_at=signed_at,
        reason=tuple(map(str, reason)) if isinstance(reason, list) else (),
        community_id=envelope.get("communityId"),
        raw=envelope,
    )


def _dialect(envelope: Mapping[str, Any]) -> Literal["memberstack", "memberpad", "standard"]:
    if "payload" in envelope:
        return "memberstack"
    return "standard" if "type" in envelope else "memberpad"
