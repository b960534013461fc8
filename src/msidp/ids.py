"""Identifiers and secrets.

An id is `<prefix>_` and 26 characters: 48 bits of time, then 80 random bits, in lower-case Crockford
base32. Ids of one kind sort by creation, which keeps their indexes compact. A token is 256 random
bits; only its SHA-256 is stored.
"""

import base64
import hashlib
import secrets

from msidp import base64url, clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_id(prefix: str) -> str:
    """A new id such as `mem_01k…`."""
    return _id(prefix, (clock.now() << 80) | int.from_bytes(secrets.token_bytes(10)))


def first_id(prefix: str, moment: int) -> str:
    """Below every id that is made at this moment or later, and above all that were made before.

    No id was made before 1970.
    """
    return _id(prefix, max(0, moment) << 80)


def made_at(id_: str) -> int:
    """The moment in an id, in milliseconds."""
    number = 0
    for digit in id_.rpartition("_")[2]:
        number = number << 5 | _ALPHABET.index(digit)
    return number >> 80


def _id(prefix: str, number: int) -> str:
    digits = [_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(digits)}"


def new_guid() -> str:
    """A UUID that sorts by creation (RFC 9562, version 7), where a wire format asks for a GUID.

    Made in bulk, so by hand.
    """
    time, digits = f"{clock.now():012x}", secrets.token_hex(10)
    variant = "89ab"[int(digits[3], 16) & 3]
    return f"{time[:8]}-{time[8:]}-7{digits[:3]}-{variant}{digits[4:7]}-{digits[7:19]}"


def new_code(length: int) -> str:
    """So many characters of five random bits each, none of which is taken for another one."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_token(prefix: str = "") -> str:
    """A bearer secret of 256 bits: URL-safe, after its prefix."""
    return prefix + base64url.text(secrets.token_bytes(32))


def new_webhook_secret() -> str:
    """`whsec_` and the standard base64 of 32 random bytes (Standard Webhooks 1.0), with no `_` in it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def hash_token(token: str) -> str:
    """The SHA-256 under which a token is stored and looked up; enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
