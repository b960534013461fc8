"""Proof Key for Code Exchange (RFC 7636), method S256 and no other."""

import hashlib
import hmac
import re

from msidp import base64url

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether this can be an S256 challenge: 256 bits in base64url."""
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """The S256 challenge that a verifier answers."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64url.text(digest)


def proves(verifier: str | None, challenge: str | None) -> bool:
    """Whether the verifier answers the challenge; without a challenge none must be sent (RFC 9700, 4.8.2)."""
    if verifier is None or challenge is None:
        return verifier is None and challenge is None
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)
