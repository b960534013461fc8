"""JWTs that others signed, with keys of their own: client assertions and DPoP proofs.

Algorithms come from a constant. A header may name a key, never bring or point to one, but for the `jwk` of
a DPoP proof, which is read by its own module. What a `crit` header asks for is never understood.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key
from joserfc.util import urlsafe_b64decode

STRONG_ALGORITHMS = ("PS256", "ES256", "EdDSA", "Ed25519")  # FAPI 2.0 Security Profile, section 5.4.1
ALGORITHMS = ("RS256", *STRONG_ALGORITHMS)
_ED25519 = ("EdDSA", "Ed25519")  # the same by its old and its new name (RFC 9864)
MAX_LENGTH = 8_192  # characters of a whole JWT
MIN_RSA_BITS = 2048
_BROUGHT_KEYS = {"jwk", "jku", "x5u", "x5c"}
_UNUSABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError)


class Untrusted(Exception):
    """This is not a JWT that can be relied on. The text says why, for the client's developer."""


@dataclass(frozen=True, slots=True)
class Jwt:
    """A JWT taken apart, its signature not yet looked at."""

    header: dict[str, Any]
    claims: dict[str, Any]
    message: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        algorithm: str = self.header["alg"]
        return algorithm

    def is_signed_by(self, key: Key) -> bool:
        """Whether this key, which `fits` its algorithm, made the signature."""
        try:
            return jws.JWSRegistry.algorithms[self.algorithm].verify(self.message, self.signature, key)
        except _UNUSABLE:
            return False


def parse(text: str, algorithms: tuple[str, ...], *, brings_key: bool = False) -> Jwt:
    """Take a compact JWS apart. `brings_key`: its header must hold a `jwk`. Raises Untrusted."""
    if len(text) > MAX_LENGTH:
        raise Untrusted(f"The JWT is longer than {MAX_LENGTH} characters.")
    try:
        head, body, signature = text.encode("ascii").split(b".")
        header, claims = json.loads(urlsafe_b64decode(head)), json.loads(urlsafe_b64decode(body))
        parsed = Jwt(header, claims, head + b"." + body, urlsafe_b64decode(signature))
    except (ValueError, RecursionError):
        raise Untrusted("It is not a JWT.") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Untrusted("It is not a JWT.")
    if header.get("alg") not in algorithms:
        raise Untrusted(f"The JWT must be signed by one of {', '.join(algorithms)}.")
    if "crit" in header or _BROUGHT_KEYS & set(header) != ({"jwk"} if brings_key else set()):
        raise Untrusted("The JWT has a header that is not allowed.")
    return parsed


def fits(key: Key, algorithm: str) -> bool:
    """Whether the key is of the kind that the algorithm takes (RFC 7518, section 3.1; RFC 8037)."""
    if isinstance(key, RSAKey):
        return algorithm in ("RS256", "PS256") and key.raw_value.key_size >= MIN_RSA_BITS
    if isinstance(key, ECKey):
        return algorithm == "ES256" and key.curve_name == "P-256"
    return isinstance(key, OKPKey) and algorithm in _ED25519 and key.curve_name == "Ed25519"


def same_algorithm(one: Any, other: Any) -> bool:
    """Whether two names stand for one algorithm."""
    return one == other or (one in _ED25519 and other in _ED25519)


def public_key(jwk: Any) -> Key:
    """The key behind a JWK. Raises Untrusted for a private, a symmetric or a broken one."""
    if not isinstance(jwk, dict) or jwk.get("kty") not in ("RSA", "EC", "OKP"):
        raise Untrusted("The key is not the JWK of a public key.")
    try:
        key = _import(json.dumps(jwk))
    except (*_UNUSABLE, RecursionError):
        raise Untrusted("The key is not a JWK.") from None
    if key.is_private:
        raise Untrusted("The key must be a public one.")
    return key


@lru_cache(maxsize=1024)
def _import(jwk: str) -> Key:
    return import_key(json.loads(jwk))
