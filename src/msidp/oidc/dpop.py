"""DPoP: proofs that whoever sends a token has the key that it is bound to (RFC 9449)."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error

from msidp import base64url, clock
from msidp.db import core_transaction
from msidp.oidc import dpop_nonces, foreign, spent
from msidp.prepared import Core

ALGORITHMS = foreign.STRONG_ALGORITHMS
TYPE = "dpop+jwt"
SKEW = 10  # seconds between a proof's iat and our clock, either way
MAX_JTI = 256


class InvalidProof(OAuth2Error):  # type: ignore[misc]  # Authlib has no types
    """The proof proves nothing (section 5)."""

    error = "invalid_dpop_proof"

    def __init__(self, description: str) -> None:
        super().__init__(description=description)


class NonceNeeded(InvalidProof):
    """The proof is not known to be of this minute; the answer brings the nonce for another (section 8)."""

    error = "use_dpop_nonce"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that is good, and has still to be used up. `thumbprint` is its key's."""

    thumbprint: str
    jti: str
    ends_at: int  # milliseconds; after that nobody would take it

    def use(self, connection: Core) -> None:
        """Use it up, if the transaction commits. Raises InvalidProof where it was used before."""
        if not spent.spend_in(connection, "dpop", self.thumbprint, self.jti, self.ends_at):
            raise InvalidProof("The proof was used before.")


def verify(proof: str, method: str, url: str, access_token: str | None = None) -> str:
    """The thumbprint of the key behind a proof, which is used up. Raises InvalidProof."""
    found = check(proof, method, url, access_token)
    with core_transaction() as connection:
        found.use(connection)
    return found.thumbprint


def check(proof: str, method: str, url: str, access_token: str | None = None) -> Proof:
    """See that a proof is for this request and no other (section 4.3).

    Where an `access_token` comes along, the proof has to be for it. Raises InvalidProof.
    """
    try:
        jwt = foreign.parse(proof, ALGORITHMS, brings_key=True)
        key = foreign.public_key(jwt.header["jwk"])
    except foreign.Untrusted as error:
        raise InvalidProof(str(error)) from None
    if jwt.header.get("typ") != TYPE:
        raise InvalidProof(f"The proof's typ must be {TYPE}.")
    if not foreign.fits(key, jwt.algorithm) or not jwt.is_signed_by(key):
        raise InvalidProof("The proof is not signed by the key it brings.")
    claims = jwt.claims
    if claims.get("htm") != method or not _is_same(claims.get("htu"), url):
        raise InvalidProof("The proof is for another request (htm, htu).")
    if access_token is not None:
        _check_hash(claims.get("ath"), access_token)
    issued_at = _check_age(claims.get("iat"))
    expected = dpop_nonces.nonces()
    if expected is not None and not expected.is_good(claims.get("nonce")):
        raise NonceNeeded("The proof needs the nonce that comes with this answer (DPoP-Nonce).")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise InvalidProof(f"The proof needs a jti of at most {MAX_JTI} characters.")
    return Proof(key.thumbprint(), jti, (issued_at + SKEW + 1) * clock.SECOND)


def _is_same(htu: Any, url: str) -> bool:
    """Whether the claim is the request's address; query and fragment do not count."""
    if not isinstance(htu, str):
        return False
    try:
        return _normalised(htu) == _normalised(url)
    except ValueError:
        return False


def _normalised(url: str) -> tuple[str, str | None, int | None, str]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default, parts.path or "/"


def _check_age(issued_at: Any) -> int:
    if isinstance(issued_at, bool) or not isinstance(issued_at, int | float):
        raise InvalidProof("The proof needs the moment it was made (iat).")
    if not abs(issued_at - clock.seconds(clock.now())) <= SKEW:
        raise InvalidProof(f"The proof's iat is more than {SKEW} seconds from our clock.")
    return int(issued_at)


def _check_hash(given: Any, access_token: str) -> None:
    digest = hashlib.sha256(access_token.encode()).digest()
    expected = base64url.encode(digest)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), expected):
        raise InvalidProof("The proof is for another access token (ath).")
