"""DPoP nonces (RFC 9449, sections 8 and 9): a proof is of this minute, whatever its maker's clock says.

Whoever has had a key for a moment cannot have made proofs for later. Nothing is stored: a nonce is what our
secret key makes of the minute, so that every process knows it. Proofs need one where the setting says so.
"""

import base64
import hashlib
import hmac
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from msidp import clock
from msidp.settings import Settings
from msidp.vault.fields import derive

HEADER = "DPoP-Nonce"
WINDOW = clock.MINUTE  # a nonce is good in the one that it is made in, and in the next


class Nonces:
    """The nonces under a list of secret keys, of which the newest makes them and all are good."""

    def __init__(self, secret_keys: tuple[str, ...]) -> None:
        self._keys = [derive(key, "DPoP nonces") for key in secret_keys]

    def present(self) -> str:
        """The nonce to give out now."""
        return _nonce(self._keys[0], clock.now() // WINDOW)

    def is_good(self, nonce: Any) -> bool:
        """Whether a proof may still bring this."""
        if not isinstance(nonce, str) or not nonce.isascii():
            return False
        window = clock.now() // WINDOW
        expected = [_nonce(key, each) for key in self._keys for each in (window, window - 1)]
        return any(hmac.compare_digest(nonce, each) for each in expected)


def init_app(app: Flask, settings: Settings) -> None:
    """Ask for nonces, where the setting says so."""
    app.extensions["msidp_dpop_nonces"] = Nonces(settings.secret_keys) if settings.dpop_nonces else None


def nonces() -> Nonces | None:
    """This application's nonces; None where proofs need none."""
    found: Nonces | None = current_app.extensions["msidp_dpop_nonces"]
    return found


def supply(bp: Blueprint) -> None:
    """Let these routes' answers to whoever sends a proof bring the next nonce (section 8.2)."""
    bp.after_request(_supply)


def _supply(response: Response) -> Response:
    if "HTTP_DPOP" in request.environ and (found := nonces()):
        response.headers[HEADER] = found.present()
    return response


def _nonce(key: bytes, window: int) -> str:
    digest = hmac.digest(key, str(window).encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()
