"""Signatures of the algorithms that we sign by (RFC 7518, sections 3.3 to 3.5; RFC 8037, section 3.1).

What can be made ready is made once for a key: a token endpoint signs twice a request.
"""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import Key

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]  # message, signature

_SHA256 = SHA256()
_ECDSA = ECDSA(_SHA256)
_NUMBER = 32  # bytes of each of the two that make a signature by P-256
_FURTHER: dict[str, tuple[Any, ...]] = {  # what `cryptography` is told besides the message
    "RS256": (padding.PKCS1v15(), _SHA256),
    "PS256": (padding.PSS(padding.MGF1(_SHA256), salt_length=SHA256.digest_size), _SHA256),
    "EdDSA": (),
}


def signer(algorithm: str, key: Key) -> Sign:
    """Signs by this algorithm and private key."""
    private: Any = key.private_key
    if algorithm == "ES256":
        return lambda message: _joined(*decode_dss_signature(private.sign(message, _ECDSA)))
    further = _FURTHER[algorithm]
    return lambda message: private.sign(message, *further)


def verifier(algorithm: str, key: Key) -> Verify:
    """Tells whether a signature over a message was made by this algorithm and key."""
    public: Any = key.public_key

    def verify(message: bytes, signature: bytes) -> bool:
        try:
            if algorithm == "ES256":
                public.verify(encode_dss_signature(*_parted(signature)), message, _ECDSA)
            else:
                public.verify(signature, message, *_FURTHER[algorithm])
        except InvalidSignature:
            return False
        return True

    return verify


def _joined(r: int, s: int) -> bytes:
    return r.to_bytes(_NUMBER, "big") + s.to_bytes(_NUMBER, "big")


def _parted(signature: bytes) -> tuple[int, int]:
    if len(signature) != 2 * _NUMBER:
        raise InvalidSignature
    return int.from_bytes(signature[:_NUMBER], "big"), int.from_bytes(signature[_NUMBER:], "big")
