"""Webhook signatures. Pure: bytes and secrets in, header values out.

Every attempt is signed, so what a secret comes to is worked out once and remembered.
"""

from base64 import b64decode, b64encode
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

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
    return "v1," + b64encode(_digest(_keyed(secret), signed)).decode()


def sign_body(secret: str, body: bytes) -> str:
    """`sha256=<hex>`: HMAC-SHA256 over the body (MemberPad); the key is the whole secret, `whsec_` too."""
    return "sha256=" + _digest(_keyed_by_all(secret), body).hex()


def _digest(keyed: HMAC, signed: bytes) -> bytes:
    """A copy takes up what the key has come to: half of the time of an HMAC from its beginning."""
    mac = keyed.copy()
    mac.update(signed)
    return mac.finalize()


@lru_cache(maxsize=1024)
def _keyed(secret: str) -> HMAC:
    return HMAC(b64decode(secret.removeprefix(_PREFIX), validate=True), SHA256())


@lru_cache(maxsize=1024)
def _keyed_by_all(secret: str) -> HMAC:
    return HMAC(secret.encode(), SHA256())


@lru_cache(maxsize=64)
def _private_key(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b64decode(secret.removeprefix(_PRIVATE_PREFIX))[:_SEED])
