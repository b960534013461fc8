"""Key pairs, one kind for each algorithm that we sign by (RFC 7518, section 3.1; RFC 8037)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey

DEFAULT_ALGORITHM = "RS256"
RSA_BITS = 2048

_MAKERS: Mapping[str, Callable[[], RSAKey | ECKey | OKPKey]] = {
    DEFAULT_ALGORITHM: lambda: RSAKey.generate_key(RSA_BITS, auto_kid=False),
    "PS256": lambda: RSAKey.generate_key(RSA_BITS, auto_kid=False),
    "ES256": lambda: ECKey.generate_key("P-256", auto_kid=False),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", auto_kid=False),
}
ALGORITHMS = tuple(_MAKERS)  # the default first


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key as it was made. `public_jwk` says what it is for, so that no verifier uses it otherwise."""

    algorithm: str
    kid: str  # the JWK thumbprint (RFC 7638)
    public_jwk: dict[str, Any]
    private_pem: str = field(repr=False)


def generate(algorithm: str) -> KeyPair:
    """Make a key for this algorithm and for no other. An RSA key takes about 0.1 s of CPU."""
    key = _MAKERS[algorithm]()
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": algorithm}
    return KeyPair(algorithm, kid, public, key.as_pem(private=True).decode())
