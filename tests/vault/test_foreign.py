"""Hashes of other systems are read as those systems read them; Werkzeug and bcrypt serve as oracles."""

import base64
import hashlib

import bcrypt
import pytest
from argon2 import PasswordHasher
from werkzeug.security import generate_password_hash

from msidp.vault import foreign, passwords

PASSWORD = "correct hörse"


def django(werkzeug_hash: str) -> str:
    """Werkzeug's PBKDF2 in Django's spelling."""
    method, salt, digest = werkzeug_hash.split("$")
    _, algorithm, iterations = method.split(":")
    return f"pbkdf2_{algorithm}${iterations}${salt}${base64.b64encode(bytes.fromhex(digest)).decode()}"


def bcrypted(password: bytes) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()


HASHES = {
    "bcrypt": bcrypted(PASSWORD.encode()),
    "bcrypt of PHP": bcrypted(PASSWORD.encode()).replace("$2b$", "$2y$"),
    "bcrypt of Django": "bcrypt$" + bcrypted(PASSWORD.encode()),
    "bcrypt_sha256": "bcrypt_sha256$" + bcrypted(hashlib.sha256(PASSWORD.encode()).hexdigest().encode()),
    "PBKDF2 of Werkzeug": generate_password_hash(PASSWORD, "pbkdf2:sha256:1000"),
    "PBKDF2 of Django": django(generate_password_hash(PASSWORD, "pbkdf2:sha256:1000")),
    "PBKDF2 with SHA-1": django(generate_password_hash(PASSWORD, "pbkdf2:sha1:1000")),
    "scrypt of Werkzeug": generate_password_hash(PASSWORD, "scrypt:1024:8:1"),
    "argon2i": PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD),
}


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES.keys())
def test_the_right_password_and_no_other(stored: str) -> None:
    foreign.check(stored)
    assert passwords.verify_password(PASSWORD, stored)
    assert not passwords.verify_password(PASSWORD + "!", stored)
    assert not passwords.verify_password("", stored)
    assert passwords.needs_rehash(stored)
    anew = passwords.rehash(PASSWORD)
    assert passwords.verify_password(PASSWORD, anew)
    assert not passwords.needs_rehash(anew)


def test_scrypt_of_django() -> None:
    made = hashlib.scrypt(b"secret", salt=b"salt", n=1024, r=8, p=5, dklen=64)
    assert foreign.matches("secret", f"scrypt$salt$1024$8$5${base64.b64encode(made).decode()}")


def test_firebase() -> None:
    """The example that Firebase publishes with its scrypt."""
    key = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
    digest = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
    stored = f"firebase-scrypt$8$14$Bw==${key}$42xEC+ixf3L2lw==${digest}"
    foreign.check(stored)
    assert foreign.matches("user1password", stored)
    assert not foreign.matches("user2password", stored)


def test_bcrypt_looks_at_72_bytes() -> None:
    assert foreign.matches("x" * 100, bcrypted(b"x" * 72))


@pytest.mark.parametrize(
    "stored",
    [
        "", "plain text", "$2b$04$short", "$2b$31$" + "a" * 53, "$1$salt$md5", "x" * 2000,
        "$argon2id$nonsense",
        "pbkdf2_sha256$1000$salt", "pbkdf2_sha256$99999999$salt$" + "a" * 44, "pbkdf2_md5$1$salt$" + "a" * 44,
        "pbkdf2_sha256$many$salt$" + "a" * 44, "pbkdf2:sha256:1000$salt$zz", "pbkdf2:sha256$salt$aa",
        "scrypt:1048576:8:1$salt$" + "a" * 64, "scrypt:1000:8:1$salt$" + "a" * 64, "scrypt$salt$2$8$1$",
        "scrypt:2:8:99999999$salt$" + "a" * 64, "firebase-scrypt$8$30$a$a$a$a", "firebase-scrypt$8",
        "bcrypt$", "é",
        "pbkdf2_sha256$1$\0$" + "a" * 44,
        "$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$" + "a" * 43,
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_refused(stored: str) -> None:
    with pytest.raises(foreign.Unreadable):
        foreign.check(stored)
