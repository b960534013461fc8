"""Webhook signatures. Pure: bytes and secrets in, header values out.

Every attempt is signed, so the secrets' keys are decoded once and remembered.
"""

import hmac
from base64 import b64decode, b64encode
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX = "whsec_"
_PRIVATE_PREFIX = "whsk_"
_SEED = 32  # bytes; the public key follows


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>`: HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks 1.0, symmetric signatures).

    `secret` is `whsec_` and the standard base64 of the key, `timestamp` in seconds. A `whsk_` key signs the
    same with ed25519: `v1a,<base64>` (asymmetric signatures).
    """
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    if secret.startswith(_PRIVATE_PREFIX):
        return "v1a," + b64encode(_private_key(secret).sign(signed)).decode()
    return "v1," + b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def sign_body(secret: str, body: bytes) -> str:
    """`sha256=<hex>`: HMAC-SHA256 over the body (MemberPad); the key is the whole secret, `whsec_` too."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    return b64decode(secret.removeprefix(_PREFIX), validate=True)


@lru_cache(maxsize=64)
def _private_key(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b64decode(secret.removeprefix(_PRIVATE_PREFIX))[:_SEED])
