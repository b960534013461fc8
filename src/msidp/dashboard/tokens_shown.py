"""Tokens taken apart for a person to read: what each claim means, and what a client has to check.

The signature is checked against the published keys, as a client would, and by another library than the
one that signs. It is not shown: without it the token is good for nothing.
"""

from dataclasses import dataclass
from typing import Any

import jwt

from msidp import clock

MEANING = {
    "iss": "Issuer: who made the token",
    "sub": "Subject: the member, by the name this application knows them by",
    "aud": "Audience: for whom the token is",
    "exp": "When it expires",
    "iat": "When it was made",
    "auth_time": "When the member last proved who they are",
    "nonce": "The value of the request, which ties the token to it",
    "amr": "By which methods the member proved who they are",
    "acr": "How sure the log-in was",
    "sid": "The member's session, as logout tokens name it",
    "at_hash": "Hash of the access token that came along",
    "client_id": "The application it was made for",
    "scope": "What the member has allowed",
    "jti": "The token's own id",
    "gid": "The grant behind it: revoked with it",
    "cnf": "The key whose holder alone may use it (DPoP)",
    "email": "Email address",
    "email_verified": "Whether the member has confirmed the address",
    "name": "Full name",
    "updated_at": "When the member's profile last changed",
}
MOMENTS = {"exp", "iat", "auth_time", "updated_at"}  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Check:
    """Something that a client has to look at, and whether it holds."""

    what: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, its meaning, and the moment (milliseconds) where it is one."""

    name: str
    value: Any
    meaning: str
    moment: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A token taken apart."""

    header: dict[str, Any]
    claims: list[Claim]
    checks: list[Check]


def take_apart(token: str, jwks: dict[str, Any], expected: dict[str, tuple[str, Any]]) -> Shown:
    """Read a token. `expected` says by claim how a check is called, and which value it has to have."""
    header = jwt.get_unverified_header(token)
    payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    checks = [
        Check(
            f"Signed by the published key {header.get('kid')} ({header.get('alg')})", _is_signed(token, jwks)
        ),
        Check("Not expired", payload.get("exp", 0) > clock.seconds(clock.now())),
    ]
    for name, (what, value) in expected.items():
        checks.append(Check(what, _is(payload.get(name), value)))
    return Shown(header, claims_of(payload), checks)


def claims_of(payload: dict[str, Any]) -> list[Claim]:
    """Claims with what each means."""
    return [
        Claim(name, value, MEANING.get(name, ""), _moment(name, value)) for name, value in payload.items()
    ]


def _is_signed(token: str, jwks: dict[str, Any]) -> bool:
    header = jwt.get_unverified_header(token)
    key = next((key for key in jwks["keys"] if key.get("kid") == header.get("kid")), None)
    if key is None or key.get("alg") != header.get("alg"):
        return False
    try:
        jwt.decode(
            token, jwt.PyJWK(key), algorithms=[key["alg"]], options={"verify_aud": False, "verify_exp": False}
        )
    except jwt.PyJWTError:
        return False
    return True


def _is(found: Any, value: Any) -> bool:
    return value in found if isinstance(found, list) else found == value


def _moment(name: str, value: Any) -> int | None:
    return value * clock.SECOND if name in MOMENTS and isinstance(value, int) else None
