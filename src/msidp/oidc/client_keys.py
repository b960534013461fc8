"""The public keys of applications: those in their `jwks`, or published at their `jwks_uri`."""

import threading
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Flask, current_app
from joserfc.jwk import Key

from msidp import clock
from msidp.oidc import foreign
from msidp.oidc.clients import Client
from msidp.oidc.fitness import MAX_KEYS
from msidp.outbound.fetch import FetchFailed, fetch_json

FRESH = 10 * clock.MINUTE  # until published keys are read again
AT_MOST_EVERY = 30 * clock.SECOND  # where an unknown kid asks for it, and after a failure
STALE = clock.DAY  # how long keys are good while their address does not answer
MAX_KEPT = 1000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Published:
    """What one address publishes. A moment of 0 means never."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: list[Any] = field(default_factory=list)
    read_at: int = 0
    tried_at: int = 0

    def is_fresh(self, kid: Any, now: int) -> bool:
        """Whether to go without asking again: young, and with the key that is looked for."""
        if now - self.tried_at < AT_MOST_EVERY:
            return True
        return now - self.read_at < FRESH and (kid is None or any(_kid(jwk) == kid for jwk in self.keys))


class ClientKeys:
    """Keys of applications, ready to verify. Threads share it."""

    def __init__(self) -> None:
        self._published: dict[str, _Published] = {}

    def find(self, client: Client, kid: Any, algorithm: str) -> list[Key]:
        """The client's keys that may have made such a signature. May wait for the client's site."""
        jwks = client.jwks["keys"] if client.jwks else self._read(client.jwks_uri, kid)
        return [key for jwk in jwks if (key := _usable(jwk, kid, algorithm)) is not None]

    def _read(self, url: str | None, kid: Any) -> list[Any]:
        if url is None:
            return []
        if url not in self._published and len(self._published) >= MAX_KEPT:
            self._published.clear()
        published = self._published.setdefault(url, _Published())
        if not published.is_fresh(kid, clock.now()):
            with published.lock:  # one asks, the others wait for what it learns
                if not published.is_fresh(kid, clock.now()):
                    _refresh(published, url)
        return published.keys


def _refresh(published: _Published, url: str) -> None:
    published.tried_at = clock.now()
    try:
        jwks = fetch_json(url)
        keys = jwks.get("keys") if isinstance(jwks, dict) else None
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise FetchFailed(f"not a JWK Set of at most {MAX_KEYS} keys")
    except FetchFailed as error:
        log.warning("an application's keys cannot be read", url=url, reason=str(error))
        if published.tried_at - published.read_at > STALE:
            published.keys = []
        return
    published.keys, published.read_at = keys, clock.now()


def _usable(jwk: Any, kid: Any, algorithm: str) -> Key | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    if not foreign.same_algorithm(jwk.get("alg", algorithm), algorithm):
        return None
    if kid is not None and _kid(jwk) != kid:
        return None
    try:
        key = foreign.public_key(jwk)
    except foreign.Untrusted:  # of a set, what is of no use is passed over (RFC 7517, section 5)
        return None
    return key if foreign.fits(key, algorithm) else None


def _kid(jwk: Any) -> Any:
    return jwk.get("kid") if isinstance(jwk, dict) else None


def init_app(app: Flask) -> None:
    """Give the application its clients' keys."""
    app.extensions["msidp_client_keys"] = ClientKeys()


def client_keys() -> ClientKeys:
    """This application's clients' keys."""
    found: ClientKeys = current_app.extensions["msidp_client_keys"]
    return found
