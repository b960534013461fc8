"""Access tokens (RFC 9068) and ID tokens (OpenID Connect Core 1.0, section 2): their claims, signed."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from msidp import base64url, clock
from msidp.keys.keyring import Keyring
from msidp.oidc import scopes
from msidp.oidc.clients import Client
from msidp.oidc.grants import Redeemed
from msidp.oidc.subjects import sid_of, subject_of

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  # a media type
ID_TOKEN_TYPE = "JWT"  # noqa: S105
GRANT_CLAIM = "gid"  # the grant behind an access token: whether it was revoked is asked of the database


@dataclass(frozen=True, slots=True)
class Terms:
    """What an access token is to be: scope, audience, and the thumbprint of the key it is bound to."""

    scope: str
    audience: list[str]
    jkt: str | None = None


def member_answer(
    keyring: Keyring, client: Client, redeemed: Redeemed, terms: Terms, id_claims: dict[str, Any]
) -> dict[str, Any]:
    """The token endpoint's answer to what a member has granted.

    `id_claims` go into the ID token, but never in place of a claim that is ours.
    """
    now = clock.now()
    lifetime = min(client.access_token_lifetime, redeemed.expires_at - now)
    subject = subject_of(client, redeemed.member_id)
    claims = _access_claims(keyring, client, subject, terms, now, lifetime)
    claims["auth_time"] = clock.seconds(redeemed.authenticated_at)
    claims["amr"] = redeemed.methods
    if redeemed.acr is not None:
        claims["acr"] = redeemed.acr
    claims[GRANT_CLAIM] = redeemed.grant_id
    access_token = keyring.sign(claims, typ=ACCESS_TOKEN_TYPE, algorithm=client.access_token_alg)
    body = _body(access_token, terms, lifetime)
    if redeemed.refresh_token is not None:
        body["refresh_token"] = redeemed.refresh_token
    if scopes.OPENID in terms.scope.split(" "):
        claims = id_claims | _id_claims(keyring, client, redeemed, subject, now, access_token)
        body["id_token"] = keyring.sign(claims, typ=ID_TOKEN_TYPE, algorithm=client.id_token_alg)
    return body


def machine_answer(keyring: Keyring, client: Client, terms: Terms) -> dict[str, Any]:
    """The token endpoint's answer to an application that acts for itself: its `sub` is its client id."""
    now = clock.now()
    lifetime = client.access_token_lifetime
    claims = _access_claims(keyring, client, client.client_id, terms, now, lifetime)
    access_token = keyring.sign(claims, typ=ACCESS_TOKEN_TYPE, algorithm=client.access_token_alg)
    return _body(access_token, terms, lifetime)


def _access_claims(
    keyring: Keyring, client: Client, subject: str, terms: Terms, now: int, lifetime: int
) -> dict[str, Any]:
    """RFC 9068, section 2.2, and RFC 9449, section 6.1, for one that is bound to a key."""
    issued_at = clock.seconds(now)
    claims: dict[str, Any] = {
        "iss": keyring.issuer,
        "sub": subject,
        "aud": terms.audience,
        "exp": issued_at + clock.seconds(lifetime),
        "iat": issued_at,
        "jti": base64url.text(secrets.token_bytes(16)),
        "client_id": client.client_id,
        **_scope(terms),
    }
    if terms.jkt is not None:
        claims["cnf"] = {"jkt": terms.jkt}
    return claims


def _id_claims(
    keyring: Keyring, client: Client, redeemed: Redeemed, subject: str, now: int, access_token: str
) -> dict[str, Any]:
    issued_at = clock.seconds(now)
    acr = {"acr": redeemed.acr} if redeemed.acr is not None else {}
    return acr | {
        "iss": keyring.issuer,
        "sub": subject,
        "aud": client.client_id,
        "exp": issued_at + clock.seconds(client.id_token_lifetime),
        "iat": issued_at,
        "auth_time": clock.seconds(redeemed.authenticated_at),
        "amr": redeemed.methods,
        "sid": redeemed.session_id and sid_of(client, redeemed.session_id),
        "at_hash": half_hash(access_token, client.id_token_alg),
    }


def half_hash(token: str, algorithm: str) -> str:
    """The left half of the token's hash, by the hash of the signature (OpenID Connect Core 1.0, 3.1.3.6)."""
    digest = (hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256)(token.encode("ascii")).digest()
    return base64url.text(digest[: len(digest) // 2])


def _body(access_token: str, terms: Terms, lifetime: int) -> dict[str, Any]:
    return {
        "access_token": access_token,
        "token_type": "Bearer" if terms.jkt is None else "DPoP",
        "expires_in": clock.seconds(lifetime),
        **_scope(terms),
    }


def _scope(terms: Terms) -> dict[str, str]:
    """Left out where there is none, which a machine's token may have: a scope is at least one word."""
    return {"scope": terms.scope} if terms.scope else {}
