"""Webhook signatures. Pure: bytes and secrets in, header values out.

Every attempt is signed, so the secrets' keys are decoded once and remembered.
"""

import hmac
from base64 import b64decode, b64encode
from functools import lru_cache

_PREFIX = "whsec_"


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>`: HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks 1.0, symmetric signatures).

    `secret` is `whsec_` and the standard base64 of the key, `timestamp` in seconds.
    """
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def sign_body(secret: str, body: bytes) -> str:
    """`sha256=<hex>`: HMAC-SHA256 over the body (MemberPad); the key is the whole secret, `whsec_` too."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    return b64decode(secret.removeprefix(_PREFIX), validate=True)
