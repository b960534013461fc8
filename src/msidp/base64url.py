"""Base64url without padding (RFC 7515, section 2): what tokens, hashes and keys are written in."""

from binascii import b2a_base64

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def encode(data: bytes) -> bytes:
    """In ASCII."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE).rstrip(b"=")


def text(data: bytes) -> str:
    """The same as a string."""
    return encode(data).decode("ascii")
