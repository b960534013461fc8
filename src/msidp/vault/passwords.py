"""Password hashing: argon2id (m = 19 MiB, t = 2, p = 1), never more at once than there are cores.

Unbounded, a flood of log-ins would starve every other request; bounded, the rest waits a moment and
then is told to come back.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from msidp.errors import Busy

MIN_LENGTH = 8
MAX_LENGTH = 256
MAX_WAIT = 5.0  # seconds a request waits for its turn to hash

_argon2 = Argon2(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turns = threading.BoundedSemaphore(max(1, (os.cpu_count() or 2) // 2))
# A hash no password has, so that an unknown account costs what a wrong password does.
_NOBODY = _argon2.hash(os.urandom(32))


def hash_password(password: str) -> str:
    """Hash a new password. Raises Busy when too many are being hashed."""
    with _turn():
        return _argon2.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is right. `None` (no such account, or none set) does the same work."""
    with _turn():
        try:
            _argon2.verify(password_hash or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=MAX_WAIT):
        raise Busy("busy", "Too many sign-ins at once. Try again in a moment.", headers={"Retry-After": "5"})
    try:
        yield
    finally:
        _turns.release()
