"""Verify JWTs locally, with the keys the provider publishes."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

import jwt
from jwt.exceptions import InvalidSubjectError
from jwt.types import Options

from msidp.admin.errors import InvalidToken, MsidpError, Unreachable
from msidp.admin.models import TokenClaims
from msidp.admin.transport import Transport

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")  # never the token's choice (RFC 8725, section 3.1)
MAX_TOKEN = 16_384  # characters; no token of msidp comes near
KEYS_LIFETIME = 600.0  # seconds after which the keys are fetched anew, so that a withdrawn one is dropped
REFETCH_PAUSE = 5.0  # seconds between two fetches for the sake of unknown key ids, and after a failed one

_TYPES = (None, "jwt", "at+jwt")
_SIGNATURE_UNREADABLE = "crypto padding"  # by its text alone does PyJWT tell which part it could not decode
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_CHECKS: Options = {"require": ["exp", "iss", "sub"], "verify_iat": False}  # a clock may be ahead of ours
_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (  # the first that fits
    (jwt.ExpiredSignatureError, "expired"),
    (jwt.ImmatureSignatureError, "not_yet_valid"),
    (jwt.InvalidAudienceError, "audience"),
    (jwt.InvalidIssuerError, "issuer"),
    (jwt.InvalidAlgorithmError, "algorithm"),
    (jwt.InvalidSignatureError, "signature"),
    (jwt.MissingRequiredClaimError, "claims"),
    (InvalidSubjectError, "claims"),
)


@dataclass(frozen=True, slots=True)
class KeySet:
    """What one fetch of discovery and JWKS brought. Replaced whole, never changed."""

    issuer: str
    keys: Mapping[str, jwt.PyJWK]
    fetched_at: float


class KeyCache:
    """The provider's issuer and keys. Readers of a fresh cache take no lock; one thread at a time fetches."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._current: KeySet | None = None
        self._refetched_at = float("-inf")
        self._failure: str | None = None
        self._failed_at = float("-inf")

    def find(self, kid: str) -> tuple[str, jwt.PyJWK]:
        """The issuer, and the key with this id. Raises InvalidToken when there is none, or Unreachable."""
        known = self._fresh()
        if kid not in known.keys:
            known = self._refetch(known)
        key = known.keys.get(kid)
        if key is None:
            raise InvalidToken("unknown_key", "The token is signed with a key that msidp does not publish.")
        return known.issuer, key

    def _fresh(self) -> KeySet:
        seen = self._current
        if seen is not None and time.monotonic() - seen.fetched_at < KEYS_LIFETIME:
            return seen
        if not self._lock.acquire(blocking=seen is None):
            return seen  # type: ignore[return-value]  # not None: only then the lock is not waited for
        try:
            if self._current is not seen and self._current is not None:
                return self._current  # another thread has just fetched
            return self._fetch()
        except Unreachable:
            if seen is None:
                raise
            return seen  # an outage of msidp must not log everybody out
        finally:
            self._lock.release()

    def _refetch(self, seen: KeySet) -> KeySet:
        """Fetch because a key is missing: new ones are found, yet junk cannot make msidp busy."""
        with self._lock:
            if self._current is not seen and self._current is not None:
                return self._current
            now = time.monotonic()
            if now - self._refetched_at < REFETCH_PAUSE and self._failure is None:
                return seen
            self._refetched_at = now
            return self._fetch()

    def _fetch(self) -> KeySet:
        """Fetch, holding the lock. After a failure the callers of the next moments fail at once."""
        if self._failure is not None and time.monotonic() - self._failed_at < REFETCH_PAUSE:
            raise Unreachable(self._failure)
        base_url = self._transport.base_url
        try:
            discovery = self._transport.fetch_public(f"{base_url}/.well-known/openid-configuration")
            issuer, jwks_uri = _endpoints(discovery, base_url)
            keys = _usable_keys(self._transport.fetch_public(jwks_uri))
        except MsidpError as error:
            self._failure, self._failed_at = f"The keys cannot be fetched: {error}", time.monotonic()
            raise Unreachable(self._failure) from error
        self._failure = None
        self._current = KeySet(issuer, keys, time.monotonic())
        return self._current


def _endpoints(discovery: Any, base_url: str) -> tuple[str, str]:
    fields = discovery if isinstance(discovery, dict) else {}
    issuer, jwks_uri = fields.get("issuer"), fields.get("jwks_uri")
    if not isinstance(issuer, str) or not isinstance(jwks_uri, str):
        raise Unreachable(f"{base_url} does not answer as an OpenID provider.")
    allowed = ("https://",) if base_url.startswith("https:") else ("https://", "http://")
    if not jwks_uri.startswith(allowed):
        raise Unreachable(f"{base_url} publishes its keys at {jwks_uri}, which is not a safe place.")
    return issuer, jwks_uri


def _usable_keys(jwks: Any) -> Mapping[str, jwt.PyJWK]:
    """Public signing keys by their id; kinds of key that a later version adds are passed over."""
    keys: dict[str, jwt.PyJWK] = {}
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    for jwk in listed if isinstance(listed, list) else ():
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(jwk)
        except jwt.PyJWTError:
            continue
        if key.algorithm_name in ALGORITHMS:
            keys.setdefault(jwk["kid"], key)
    return MappingProxyType(keys)


class TokenVerifier:
    """Verifies ID tokens, access tokens (RFC 9068) and member session tokens of one provider."""

    def __init__(self, transport: Transport, *, member_token_issuer: str | None, leeway: float) -> None:
        self._cache = KeyCache(transport)
        self._member_token_issuer = member_token_issuer
        self._leeway = leeway

    def verify(self, token: str, audience: str | None) -> TokenClaims:
        """The claims of a token that holds. Raises InvalidToken, or Unreachable while there are no keys."""
        header = _read_header(token)
        issuer, key = self._cache.find(header["kid"])
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=audience,
                leeway=self._leeway,
                options={**_CHECKS, "verify_aud": audience is not None},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(_reason(error), f"{error}.") from error
        kind = _kind(header, claims)
        self._check_issuer(kind, claims["iss"], issuer)
        return _claims(kind, claims)

    def _check_issuer(self, kind: str, given: Any, issuer: str) -> None:
        if given == issuer:
            return
        if kind == "session" and given == self._member_token_issuer:
            return
        raise InvalidToken("issuer", f"The token's issuer is {given!r}, not {issuer!r}.")


def _read_header(token: Any) -> dict[str, Any]:
    """The header of a token that is worth looking up a key for."""
    if not isinstance(token, str) or len(token) > MAX_TOKEN:
        raise InvalidToken("malformed", "This is not a token.")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, UnicodeError) as error:
        if _SIGNATURE_UNREADABLE in str(error):
            raise InvalidToken("signature", "The token's signature is not base64url.") from error
        raise InvalidToken("malformed", f"This is not a token: {error}.") from error
    if header.get("alg") not in ALGORITHMS:
        raise InvalidToken("algorithm", f"Tokens signed with {header.get('alg')!r} are not accepted.")
    if _type(header) not in _TYPES:
        raise InvalidToken("type", f"A token of type {header['typ']!r} proves nothing about a member.")
    if not isinstance(header.get("kid"), str):
        raise InvalidToken("unknown_key", "The token does not say which key signed it (kid).")
    return header


def _type(header: Mapping[str, Any]) -> Any:
    typ = header.get("typ")
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else typ


def _kind(header: Mapping[str, Any], claims: Mapping[str, Any]) -> Literal["id", "access", "session"]:
    events = claims.get("events")
    if isinstance(events, dict) and _LOGOUT_EVENT in events:
        raise InvalidToken("type", "A logout token proves nothing about a member.")
    if _type(header) == "at+jwt":
        return "access"
    return "session" if claims.get("type") == "member" else "id"


def _reason(error: jwt.PyJWTError) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "malformed")


def _claims(kind: Literal["id", "access", "session"], claims: dict[str, Any]) -> TokenClaims:
    audience = claims.get("aud") or ()
    scope, client_id = claims.get("scope"), claims.get("client_id") or claims.get("azp")
    try:
        issued_at = datetime.fromtimestamp(claims["iat"], UTC) if claims.get("iat") is not None else None
        return TokenClaims(
            kind=kind,
            subject=claims["sub"],
            issuer=claims["iss"],
            audience=(audience,) if isinstance(audience, str) else tuple(audience),
            expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
            issued_at=issued_at,
            scope=frozenset(scope.split()) if isinstance(scope, str) else frozenset(),
            client_id=client_id if isinstance(client_id, str) else None,
            raw=MappingProxyType(claims),
        )
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidToken("claims", f"The token's claims have unusable values: {error}.") from error
