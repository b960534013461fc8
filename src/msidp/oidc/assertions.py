"""Client authentication by a signed JWT: `private_key_jwt` (RFC 7523, OpenID Connect Core 1.0, section 9)."""

from typing import Any

from msidp import clock
from msidp.oidc import foreign, spent
from msidp.oidc.client_keys import client_keys
from msidp.oidc.clients import Client
from msidp.oidc.foreign import Untrusted

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = foreign.ALGORITHMS
MAX_LIFETIME = 3600  # seconds until an assertion's exp
SKEW = 30  # seconds that a client's clock may be ahead
MAX_JTI = 256


class NotSigned(Exception):
    """No key of the client made this signature."""


def claimed_client(assertion: str) -> str:
    """The client that an assertion says it comes from. Nothing of it is proved. Raises Untrusted."""
    subject = foreign.parse(assertion, ALGORITHMS).claims.get("sub")
    if not isinstance(subject, str):
        raise Untrusted("The assertion names no client (sub).")
    return subject


def verify(client: Client, assertion: str, issuer: str) -> None:
    """See that this client made the assertion, for us and for now, and use it up.

    Raises NotSigned where the client's keys did not make it, and only for one that they did says what else
    is wrong, by Untrusted.
    """
    jwt = foreign.parse(assertion, ALGORITHMS)
    keys = client_keys().find(client, jwt.header.get("kid"), jwt.algorithm)
    if not any(jwt.is_signed_by(key) for key in keys):
        raise NotSigned
    if client.fapi and jwt.algorithm not in foreign.STRONG_ALGORITHMS:
        raise Untrusted(f"The profile fapi2 allows {', '.join(foreign.STRONG_ALGORITHMS)}.")
    claims = jwt.claims
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        raise Untrusted("The assertion's iss and sub must be the client_id.")
    if not _is_for_us(claims.get("aud"), issuer, strict=client.fapi):
        raise Untrusted("The assertion's aud must be the issuer alone.")
    expires = _check_times(claims)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise Untrusted(f"The assertion needs a jti of at most {MAX_JTI} characters.")
    if not spent.spend("assertion", client.client_id, jti, expires * clock.SECOND):
        raise Untrusted("The assertion was used before.")


def _is_for_us(audience: Any, issuer: str, *, strict: bool) -> bool:
    """Whether `aud` means us.

    Under FAPI 2.0 (section 5.3.2.1) it is the issuer as a string. Others may name the token endpoint
    (RFC 7523, section 3) or the one for pushed requests (RFC 9126, section 2) instead, in a list too, but
    never us and somebody else: whoever else it is for could use it here.
    """
    if strict:
        return isinstance(audience, str) and audience == issuer
    only = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
    return only in (issuer, f"{issuer}/token", f"{issuer}/par")


def _check_times(claims: dict[str, Any]) -> int:
    """The moment of expiry, in seconds."""
    now = clock.seconds(clock.now())
    expires = _number(claims, "exp")
    if expires is None or not now < expires <= now + MAX_LIFETIME + SKEW:
        raise Untrusted(f"The assertion has expired, or does not within {MAX_LIFETIME} seconds (exp).")
    for name in ("iat", "nbf"):
        moment = _number(claims, name)
        if moment is not None and moment > now + SKEW:
            raise Untrusted(f"The assertion is of the future ({name}).")
    return expires


def _number(claims: dict[str, Any], name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise Untrusted(f"The assertion's {name} must be a number of seconds.")
    return int(value)
