"""Password hashing: argon2id (m = 19 MiB, t = 2, p = 1), only a few at once.

Unbounded, a flood of log-ins would starve every other request; bounded, a few wait for their turn and
the rest is told at once to come back, so that the web's threads stay free for other work. They run in
threads that the system serves after all others: what takes a millisecond is not to wait for what takes
thirty. Never hash with a database transaction open: on SQLite nobody else could write meanwhile.
"""

import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from msidp import canonical
from msidp.errors import Busy, Invalid
from msidp.vault import foreign
from msidp.words import words

MIN_LENGTH = 8  # code points
MAX_LENGTH = 256
NICENESS = 10  # of the threads that hash

Made = TypeVar("Made")
_MAX_RAW_LENGTH = 4 * MAX_LENGTH  # before composition; more is not looked at


def _step_back() -> None:
    """Let other threads go first. Elsewhere than on Linux the whole process would."""
    if sys.platform == "linux":
        os.nice(NICENESS)


class HashingPool:
    """`turns` hashes run at once and `places` more may wait, each at most `max_wait` seconds."""

    def __init__(self, *, turns: int, places: int, max_wait: float) -> None:
        self._turns = threading.BoundedSemaphore(turns)
        self._places = threading.BoundedSemaphore(turns + places)
        self._max_wait = max_wait
        self._threads = ThreadPoolExecutor(turns, "hash", initializer=_step_back)

    def run(self, function: Callable[..., Made], *arguments: str) -> Made:
        """Wait for a turn and call this, in the caller's context. Raises Busy, and what the function does."""
        with self.turn():
            return self._threads.submit(copy_context().run, function, *arguments).result()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises Busy (503) when there are too many."""
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            if not self._turns.acquire(timeout=self._max_wait):
                raise _busy()
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()


def _busy() -> Busy:
    message = words("Many people are signing in just now. Please try again in a few seconds.")
    return Busy("busy", message, headers={"Retry-After": "5"})


TURNS = max(1, (os.cpu_count() or 2) // 2)
pool = HashingPool(turns=TURNS, places=16, max_wait=5.0)
_argon2 = Argon2(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# A hash no password has, so that an unknown account costs what a wrong password does.
_NOBODY = _argon2.hash(os.urandom(32))


def check_new(password: str) -> None:
    """Whether this can become somebody's password. Raises Invalid (422, `invalid-password`)."""
    length = len(_canonical(password))
    if length < MIN_LENGTH:
        raise Invalid(
            "invalid-password", words("A password needs at least %(limit)d characters.", limit=MIN_LENGTH)
        )
    if length > MAX_LENGTH or len(password) > _MAX_RAW_LENGTH:
        raise Invalid(
            "invalid-password", words("A password has at most %(limit)d characters.", limit=MAX_LENGTH)
        )
    if not _usable(password):
        raise Invalid("invalid-password", words("This password has a character that cannot be read."))


def hash_password(password: str) -> str:
    """Hash a new password. Raises Invalid for an unusable one, Busy when too many are being hashed."""
    check_new(password)
    return pool.run(_argon2.hash, _canonical(password))


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is right. `None` (no such account, or none set) does the same work.

    Raises Busy when too many are being hashed.
    """
    if not _usable(password):
        password, password_hash = "", None  # no stored password is like this
    if password_hash is not None and foreign.is_foreign(password_hash):
        return pool.run(foreign.matches, password, password_hash)
    try:
        pool.run(_argon2.verify, password_hash or _NOBODY, _canonical(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's, or by another system."""
    return foreign.is_foreign(password_hash) or _argon2.check_needs_rehash(password_hash)


def rehash(password: str) -> str:
    """Hash a password that was just found right, though it may be shorter than a new one. Raises Busy."""
    return pool.run(_argon2.hash, _canonical(password))


def _canonical(password: str) -> str:
    """One form for what devices compose differently (RFC 8265, OpaqueString)."""
    return unicodedata.normalize("NFC", password[:_MAX_RAW_LENGTH])


def _usable(password: str) -> bool:
    """Whether it is short enough and holds neither NUL, half a surrogate pair nor U+FFFD.

    U+FFFD stands where bytes of a form were not UTF-8: different ones would make the same password.
    """
    try:
        canonical.check_text(password)
    except ValueError:
        return False
    if "\ufffd" in password or len(password) > _MAX_RAW_LENGTH:
        return False
    return len(_canonical(password)) <= MAX_LENGTH
