"""Encrypt single values before they reach the database: AES-256-GCM, keys derived by HKDF.

A sealed value is `v1.<key id>.<base64url of nonce, ciphertext and tag>`. The context (the table and
row a value belongs to) is authenticated with it, so that a value moved to another row does not open.
Rotation: the newest secret key seals, all of them open.
"""

import base64
import hashlib
import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, current_app

from msidp.settings import Settings


class CannotOpen(Exception):
    """No secret key at hand opens this value."""


class FieldCipher:
    """Seals and opens text under a list of secret keys, newest first; each purpose has keys of its own."""

    def __init__(self, secret_keys: tuple[str, ...], purpose: str = "field encryption") -> None:
        if not secret_keys:
            raise ValueError("needs at least one secret key")
        self._ciphers = {_key_id(key): AESGCM(derive(key, purpose)) for key in secret_keys}
        self._newest = _key_id(secret_keys[0])

    def seal(self, text: str, context: str) -> str:
        """Encrypt text for this context, e.g. `signing_key:kid`."""
        nonce = os.urandom(12)
        sealed = self._ciphers[self._newest].encrypt(nonce, text.encode(), context.encode())
        return f"v1.{self._newest}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Decrypt. Raises CannotOpen for an unknown key, another context or an altered value."""
        version, _, rest = sealed.partition(".")
        key_id, _, data = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if version != "v1" or cipher is None:
            raise CannotOpen("sealed under a secret key that MSIDP_SECRET_KEY no longer holds")
        raw = base64.urlsafe_b64decode(data)
        try:
            return cipher.decrypt(raw[:12], raw[12:], context.encode()).decode()
        except InvalidTag:
            raise CannotOpen("the value was altered, or belongs elsewhere") from None


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its cipher."""
    app.extensions["msidp_cipher"] = FieldCipher(settings.secret_keys)


def cipher() -> FieldCipher:
    """This application's cipher."""
    found: FieldCipher = current_app.extensions["msidp_cipher"]
    return found


@cache
def derive(secret_key: str, purpose: str) -> bytes:
    """A 256-bit key for one purpose (RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=f"msidp {purpose}".encode()).derive(secret_key.encode())


def _key_id(secret_key: str) -> str:
    return hashlib.sha256(derive(secret_key, "key id")).hexdigest()[:8]
