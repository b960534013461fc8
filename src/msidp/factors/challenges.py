"""WebAuthn challenges: bound to one browser and one purpose, good for fifteen minutes, answered once.

A challenge travels through its form, signed, and nothing is stored before somebody answers: whoever opens
the log-in page a million times writes nothing. Then its hash is kept until it would have expired.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.factors.models import SpentChallenge
from msidp.statements import delete_some, insert_new

LIFETIME = 15 * clock.MINUTE


@dataclass(frozen=True, slots=True)
class Challenge:
    """The random bytes to be signed, and the `state` that brings them back through the form."""

    value: bytes
    state: str


class Challenges:
    """Makes and takes challenges, signed under a list of secret keys, newest first."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._keys = list(reversed(secret_keys))  # the newest last, which signs

    def make(self, purpose: str, browser: str) -> Challenge:
        """A challenge for this purpose, to be answered by the browser that holds the secret `browser`."""
        value = secrets.token_bytes(32)
        return Challenge(value, self._serializer(purpose, browser).dumps(value.hex()))

    def take(self, session: Session, state: str, purpose: str, browser: str) -> bytes | None:
        """The challenge that is answered now; None for one that is over, was answered, or is elsewhere's."""
        try:
            text = self._serializer(purpose, browser).loads(state, max_age=clock.seconds(LIFETIME))
        except (BadSignature, UnicodeError):
            return None
        values = {"challenge_hash": ids.hash_token(text), "expires_at": clock.now() + LIFETIME + clock.SECOND}
        if insert_new(session, SpentChallenge, values, unique=("challenge_hash",)) is None:
            return None
        return bytes.fromhex(text)

    def _serializer(self, purpose: str, browser: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._keys, salt=f"msidp passkey {purpose} {browser}")


def purge_expired(session: Session, now: int) -> int:
    """Delete some that would have expired by themselves. Returns how many."""
    return delete_some(session, SpentChallenge, SpentChallenge.expires_at <= now)
