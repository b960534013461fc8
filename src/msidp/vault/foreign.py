"""Password hashes that other systems made: good for one log-in, after which the password is hashed anew.

| form | from |
|---|---|
| `$2a$…`, `$2b$…`, `$2y$…` | bcrypt: Auth0, Laravel, Rails, Keycloak's plugins |
| `pbkdf2_sha256$iterations$salt$hash`, `pbkdf2_sha1$…` | Django |
| `pbkdf2:sha256:iterations$salt$hex`, `scrypt:N:r:p$salt$hex` | Werkzeug (Flask) |
| `scrypt$salt$N$r$p$hash` | Django |
| `bcrypt_sha256$$2b$…`, `bcrypt$$2b$…` | Django |
| `firebase-scrypt$rounds$memory$separator$key$salt$hash` | Firebase, its hash parameters within |

argon2 in every parameter is read by `passwords` itself. What a check may cost is bounded when it is imported.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable

import bcrypt
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

Verifier = Callable[[bytes], bool]
"""Whether a password, in UTF-8, is the right one."""

_MAX_MEMORY = 128 * 1024 * 1024  # bytes that one check may take
_MAX_ITERATIONS = 2_000_000
_MAX_COST = 14  # bcrypt's, about a second


class Unreadable(Exception):
    """No hash of a form known here, or one whose check would cost too much. The text says which."""


def check(password_hash: str) -> None:
    """Whether passwords can be checked against this hash. Cheap. Raises Unreadable."""
    if len(password_hash) > 1000 or not (password_hash.isascii() and password_hash.isprintable()):
        raise Unreadable("it is no password hash")
    if password_hash.startswith("$argon2"):
        try:
            parameters = extract_parameters(password_hash)
        except InvalidHashError:
            raise Unreadable("it is no argon2 hash") from None
        if parameters.memory_cost * 1024 > _MAX_MEMORY or parameters.time_cost > 20:
            raise Unreadable("checking it would take too much memory or time")
        return
    if not is_foreign(password_hash):
        raise Unreadable("its form is not known here")
    try:
        _read(password_hash)
    except ValueError:
        raise Unreadable("it is damaged, or checking it would take too much memory or time") from None


def is_foreign(password_hash: str) -> bool:
    """Whether this has the form of a hash read here."""
    return password_hash.startswith(tuple(_READERS))


def matches(password: str, password_hash: str) -> bool:
    """Whether the password is right. Raises ValueError for a hash that `check` refuses."""
    return _read(password_hash)(password.encode())


def _read(password_hash: str) -> Verifier:
    reader = next(reader for prefix, reader in _READERS.items() if password_hash.startswith(prefix))
    return reader(password_hash)


def _bcrypt(text: str) -> Verifier:
    found = re.fullmatch(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}", text)
    if found is None or not 4 <= int(found[1]) <= _MAX_COST:
        raise ValueError("bcrypt")
    return lambda password: bcrypt.checkpw(password[:72], text.encode())  # all that bcrypt ever looked at


def _django_bcrypt(text: str) -> Verifier:
    return _bcrypt(text.split("$", 1)[1])


def _django_bcrypt_sha256(text: str) -> Verifier:
    verify = _bcrypt(text.split("$", 1)[1])
    return lambda password: verify(hashlib.sha256(password).hexdigest().encode())


def _django_pbkdf2(text: str) -> Verifier:
    algorithm, iterations, salt, expected = text.split("$")
    return _pbkdf2(algorithm.removeprefix("pbkdf2_"), int(iterations), salt, base64.b64decode(expected))


def _werkzeug_pbkdf2(text: str) -> Verifier:
    method, salt, expected = text.split("$")
    _, digest, iterations = method.split(":")
    return _pbkdf2(digest, int(iterations), salt, bytes.fromhex(expected))


def _pbkdf2(digest: str, iterations: int, salt: str, expected: bytes) -> Verifier:
    if (
        digest not in ("sha1", "sha256", "sha512")
        or not 0 < iterations <= _MAX_ITERATIONS
        or len(expected) < 16
    ):
        raise ValueError("pbkdf2")

    def verify(password: bytes) -> bool:
        made = hashlib.pbkdf2_hmac(digest, password, salt.encode(), iterations, len(expected))
        return hmac.compare_digest(made, expected)

    return verify


def _django_scrypt(text: str) -> Verifier:
    _, salt, n, r, p, expected = text.split("$")
    return _scrypt(salt.encode(), (int(n), int(r), int(p)), base64.b64decode(expected))


def _werkzeug_scrypt(text: str) -> Verifier:
    method, salt, expected = text.split("$")
    _, n, r, p = method.split(":")
    return _scrypt(salt.encode(), (int(n), int(r), int(p)), bytes.fromhex(expected))


def _scrypt(salt: bytes, cost: tuple[int, int, int], expected: bytes) -> Verifier:
    _check_scrypt(*cost, len(expected))
    return lambda password: hmac.compare_digest(_derive(password, salt, cost, len(expected)), expected)


def _check_scrypt(n: int, r: int, p: int, length: int) -> None:
    power_of_two = n > 1 and n & (n - 1) == 0
    if not power_of_two or not r >= 1 or not 1 <= p <= 16 or length < 16 or 128 * n * r > _MAX_MEMORY:
        raise ValueError("scrypt")


def _derive(password: bytes, salt: bytes, cost: tuple[int, int, int], length: int) -> bytes:
    n, r, p = cost
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=2 * _MAX_MEMORY, dklen=length)


def _firebase(text: str) -> Verifier:
    """scrypt, whose outcome encrypts the project's signer key."""
    _, rounds, memory, *rest = text.split("$")
    if not 1 <= int(memory) <= 17:
        raise ValueError("firebase-scrypt")
    cost = 2 ** int(memory), int(rounds), 1
    _check_scrypt(*cost, 64)
    separator, key, salt, expected = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in rest)

    def verify(password: bytes) -> bool:
        encryptor = Cipher(
            AES(_derive(password, salt + separator, cost, 64)[:32]), CTR(bytes(16))
        ).encryptor()
        return hmac.compare_digest(encryptor.update(key) + encryptor.finalize(), expected)

    return verify


_READERS: dict[str, Callable[[str], Verifier]] = {
    "$2a$": _bcrypt,
    "$2b$": _bcrypt,
    "$2y$": _bcrypt,
    "bcrypt$": _django_bcrypt,
    "bcrypt_sha256$": _django_bcrypt_sha256,
    "pbkdf2_": _django_pbkdf2,
    "pbkdf2:": _werkzeug_pbkdf2,
    "scrypt$": _django_scrypt,
    "scrypt:": _werkzeug_scrypt,
    "firebase-scrypt$": _firebase,
}
