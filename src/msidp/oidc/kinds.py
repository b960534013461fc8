"""The four kinds of application, and what fits each."""

from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OctKey, import_key

from msidp.errors import Invalid
from msidp.oidc import redirects, scopes
from msidp.outbound.urls import OutboundPolicy, check_url

_SCOPE_TOKEN = frozenset(map(chr, (0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))))  # RFC 6749, section 3.3
_SECRET_METHODS = ("client_secret_basic", "client_secret_post")
_MEMBER_GRANTS = ("authorization_code", "refresh_token")
MAX_KEYS = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """What an application of this type may be; the first of each is what it is by default."""

    auth_methods: tuple[str, ...]
    grant_types: tuple[str, ...]
    public: bool = False
    native: bool = False

    @property
    def has_members(self) -> bool:
        """Whether members log in through it."""
        return "authorization_code" in self.grant_types


KINDS = {
    "web": Kind(_SECRET_METHODS, _MEMBER_GRANTS),
    "spa": Kind(("none",), _MEMBER_GRANTS, public=True),
    "native": Kind(("none",), _MEMBER_GRANTS, public=True, native=True),
    "machine": Kind(_SECRET_METHODS, ("client_credentials",)),
}


def defaults(type_: str) -> dict[str, Any]:
    """The fields that a new application of this type need not name."""
    kind = KINDS[type_]
    return {
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "backchannel_logout_uri": None,
        "token_endpoint_auth_method": kind.auth_methods[0],
        "grant_types": list(kind.grant_types),
        "scopes": list(scopes.MEMBER_SCOPES) if kind.has_members else [],
        "jwks": None,
        "jwks_uri": None,
        "skip_consent": False,
        "require_pkce": kind.public,
    }


def check(type_: str, fields: dict[str, Any], policy: OutboundPolicy) -> None:
    """Refuse fields that do not fit the type or each other. Raises Invalid for the first one found."""
    kind = KINDS[type_]
    _check_redirects(type_, kind, fields)
    _check_called("backchannelLogoutUri", fields["backchannel_logout_uri"], policy)
    _check_called("jwksUri", fields["jwks_uri"], policy)
    _check_grants(type_, kind, fields)
    _check_scopes(kind, fields["scopes"])
    if fields["token_endpoint_auth_method"] not in kind.auth_methods:
        allowed = " or ".join(kind.auth_methods)
        raise refusal(
            "tokenEndpointAuthMethod", f"a {type_} application authenticates by {allowed} at present"
        )
    if kind.public and not fields["require_pkce"]:
        raise refusal("requirePkce", f"a {type_} application cannot do without PKCE")
    if fields["jwks"] is not None and fields["jwks_uri"] is not None:
        raise refusal("jwksUri", "give jwks or jwksUri, not both")
    if fields["jwks"] is not None:
        _check_jwks(fields["jwks"])


def refusal(field: str, message: str) -> Invalid:
    """The 422 for one field."""
    return Invalid("invalid", f"{field}: {message}.", details=[{"field": field, "message": message}])


def _check_redirects(type_: str, kind: Kind, fields: dict[str, Any]) -> None:
    names = {
        "redirectUris": fields["redirect_uris"],
        "postLogoutRedirectUris": fields["post_logout_redirect_uris"],
    }
    for name, uris in names.items():
        if uris and not kind.has_members:
            raise refusal(name, f"a {type_} application has no members to send anywhere")
        for uri in uris:
            _check_uri(name, uri, kind)
        if len(set(uris)) < len(uris):
            raise refusal(name, "names one URI twice")
    if kind.has_members and not fields["redirect_uris"]:
        raise refusal("redirectUris", f"a {type_} application needs at least one")
    if fields["backchannel_logout_uri"] is not None and not kind.has_members:
        raise refusal("backchannelLogoutUri", f"a {type_} application has no members to log out")


def _check_called(field: str, url: str | None, policy: OutboundPolicy) -> None:
    """A URL that msidp will call itself."""
    try:
        _ = url is None or check_url(url, policy)
    except Invalid as problem:
        raise refusal(field, problem.message.removesuffix(".")) from None


def _check_grants(type_: str, kind: Kind, fields: dict[str, Any]) -> None:
    for grant_type in fields["grant_types"]:
        if grant_type not in kind.grant_types:
            raise refusal("grantTypes", f"{grant_type} is not for a {type_} application")
    if kind.grant_types[0] not in fields["grant_types"]:
        raise refusal("grantTypes", f"a {type_} application needs {kind.grant_types[0]}")


def _check_scopes(kind: Kind, names: list[str]) -> None:
    for name in names:
        if kind.has_members and name not in scopes.MEMBER_SCOPES:
            raise refusal("scopes", f"{name!r} is none of {', '.join(scopes.MEMBER_SCOPES)}")
        if not kind.has_members and name in scopes.MEMBER_SCOPES:
            raise refusal("scopes", f"{name!r} is about a member, and a machine application has none")
        if not name or not _SCOPE_TOKEN.issuperset(name):
            raise refusal(
                "scopes", f"{name!r} is not a scope: printable ASCII without space, quote or backslash"
            )
    if kind.has_members and scopes.OPENID not in names:
        raise refusal("scopes", "must hold openid")


def _check_jwks(jwks: dict[str, Any]) -> None:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS:
        raise refusal("jwks", f"must be {{keys: […]}} with 1 to {MAX_KEYS} keys")
    for jwk in keys:
        try:
            key = import_key(jwk)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise refusal("jwks", "holds what is not a JWK") from None
        if isinstance(key, OctKey) or key.is_private:
            raise refusal("jwks", "must hold public keys only")


def _check_uri(field: str, uri: str, kind: Kind) -> None:
    try:
        redirects.check(uri, native=kind.native)
    except ValueError as error:
        raise refusal(field, f"{uri[:100]!r} {error}") from None
