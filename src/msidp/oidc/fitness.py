"""What fits an application: one small check after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OctKey, import_key

from msidp.errors import Invalid
from msidp.oidc import redirects, scopes
from msidp.oidc.kinds import FAPI2, KINDS, Kind
from msidp.outbound.urls import OutboundPolicy, check_url

MAX_KEYS = 20
FAPI2_ALGORITHMS = ("PS256", "ES256", "EdDSA")  # FAPI 2.0 Security Profile, section 5.4.1
_SCOPE_TOKEN = frozenset(map(chr, (0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))))  # RFC 6749, section 3.3


@dataclass(frozen=True, slots=True)
class Draft:
    """An application as it would be. `fields` are columns, all of them; `policy` says what msidp may call."""

    type: str
    fields: dict[str, Any]
    policy: OutboundPolicy

    @property
    def kind(self) -> Kind:
        return KINDS[self.type]

    def __getitem__(self, field: str) -> Any:
        return self.fields[field]


def check(type_: str, fields: dict[str, Any], policy: OutboundPolicy) -> None:
    """Refuse fields that do not fit the type or each other. Raises Invalid for the first one found."""
    draft = Draft(type_, fields, policy)
    for each in _CHECKS:
        each(draft)


def refusal(field: str, message: str) -> Invalid:
    """The 422 for one field."""
    return Invalid("invalid", f"{field}: {message}.", details=[{"field": field, "message": message}])


def check_called(field: str, url: str, policy: OutboundPolicy) -> None:
    """Refuse a URL that msidp may not call. Raises Invalid."""
    try:
        check_url(url, policy)
    except Invalid as problem:
        raise refusal(field, problem.message.removesuffix(".")) from None


def check_scope(name: str) -> None:
    """Refuse what is no scope at all. Raises Invalid."""
    if not name or not _SCOPE_TOKEN.issuperset(name):
        raise refusal("scopes", f"{name!r} is not a scope: printable ASCII without space, quote or backslash")


def _check_redirects(draft: Draft) -> None:
    kind = draft.kind
    names = {
        "redirectUris": draft["redirect_uris"],
        "postLogoutRedirectUris": draft["post_logout_redirect_uris"],
    }
    for name, uris in names.items():
        if uris and not kind.has_members:
            raise refusal(name, f"a {draft.type} application has no members to send anywhere")
        for uri in uris:
            _check_text(name, uri, redirects.check, native=kind.native)
        _check_once(name, uris)
    if "authorization_code" in draft["grant_types"] and not draft["redirect_uris"]:
        raise refusal("redirectUris", f"a {draft.type} application needs at least one")


def _check_called(draft: Draft) -> None:
    """URLs that msidp will call itself."""
    names = {
        "backchannelLogoutUri": draft["backchannel_logout_uri"],
        "jwksUri": draft["jwks_uri"],
        "sectorIdentifierUri": draft["sector_identifier_uri"],
    }
    for name, url in names.items():
        if url is not None:
            check_called(name, url, draft.policy)
    if draft["backchannel_logout_uri"] is not None and not draft.kind.has_members:
        raise refusal("backchannelLogoutUri", f"a {draft.type} application has no members to log out")


def _check_shown(draft: Draft) -> None:
    """URLs that members are shown."""
    for name, field in (
        ("clientUri", "client_uri"),
        ("logoUri", "logo_uri"),
        ("policyUri", "policy_uri"),
        ("tosUri", "tos_uri"),
    ):
        if draft[field] is not None:
            _check_text(name, draft[field], redirects.check_page)


def _check_grants(draft: Draft) -> None:
    kind = draft.kind
    for grant_type in draft["grant_types"]:
        if grant_type not in kind.grant_types + kind.further_grants:
            raise refusal("grantTypes", f"{grant_type} is not for a {draft.type} application")
    sufficient = (kind.grant_types[0], *kind.further_grants)
    if not set(sufficient) & set(draft["grant_types"]):
        raise refusal("grantTypes", f"a {draft.type} application needs {' or '.join(sufficient)}")


def _check_scopes(draft: Draft) -> None:
    kind, names = draft.kind, draft["scopes"]
    for name in names:
        if kind.has_members and name not in scopes.MEMBER_SCOPES:
            raise refusal("scopes", f"{name!r} is none of {', '.join(scopes.MEMBER_SCOPES)}")
        if not kind.has_members and name in scopes.MEMBER_SCOPES:
            raise refusal("scopes", f"{name!r} is about a member, and a machine application has none")
        check_scope(name)
    if kind.has_members and scopes.OPENID not in names:
        raise refusal("scopes", "must hold openid")


def _check_resources(draft: Draft) -> None:
    for uri in draft["resources"]:
        _check_text("resources", uri, redirects.check_resource)
    _check_once("resources", draft["resources"])


def _check_authentication(draft: Draft) -> None:
    kind, method = draft.kind, draft["token_endpoint_auth_method"]
    if method not in kind.auth_methods:
        allowed = " or ".join(kind.auth_methods)
        raise refusal("tokenEndpointAuthMethod", f"a {draft.type} application authenticates by {allowed}")
    if draft["jwks"] is not None and draft["jwks_uri"] is not None:
        raise refusal("jwksUri", "cannot stand beside jwks: give one of them")
    if draft["jwks"] is not None:
        _check_jwks(draft["jwks"])
    if method == "private_key_jwt" and draft["jwks"] is None and draft["jwks_uri"] is None:
        raise refusal("jwks", "private_key_jwt needs public keys, here or at a URI of their own")
    if kind.public and not draft["require_pkce"]:
        raise refusal("requirePkce", f"a {draft.type} application cannot do without PKCE")


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


def _check_subjects(draft: Draft) -> None:
    """Pairwise subjects need one sector that they are pairwise for (OpenID Connect Core 1.0, section 8.1)."""
    if draft["subject_type"] != "pairwise":
        return
    if not draft.kind.has_members:
        raise refusal("subjectType", f"a {draft.type} application has no members to name")
    hosts = {redirects.host(uri) for uri in draft["redirect_uris"]}
    if draft["sector_identifier_uri"] is None and (len(hosts) != 1 or None in hosts):
        message = "pairwise subjects need it where the redirect URIs are not all on one host"
        raise refusal("sectorIdentifierUri", message)


def _check_profile(draft: Draft) -> None:
    """What the FAPI 2.0 Security Profile leaves to the registration; the rest is enforced in use."""
    if draft["security_profile"] != FAPI2:
        return
    method: str = draft["token_endpoint_auth_method"]
    if method != "private_key_jwt":
        raise refusal("tokenEndpointAuthMethod", "the profile fapi2 needs private_key_jwt")
    for name, field in (
        ("idTokenSignedResponseAlg", "id_token_signed_response_alg"),
        ("accessTokenSigningAlg", "access_token_signing_alg"),
    ):
        if draft[field] not in FAPI2_ALGORITHMS:
            raise refusal(name, f"the profile fapi2 allows {', '.join(FAPI2_ALGORITHMS)}")


_CHECKS: tuple[Callable[[Draft], None], ...] = (
    _check_grants,
    _check_redirects,
    _check_called,
    _check_shown,
    _check_scopes,
    _check_resources,
    _check_authentication,
    _check_subjects,
    _check_profile,
)


def _check_text(field: str, value: str, rule: Callable[..., None], **options: bool) -> None:
    try:
        rule(value, **options)
    except ValueError as error:
        raise refusal(field, f"{value[:100]!r} {error}") from None


def _check_once(field: str, values: list[str]) -> None:
    if len(set(values)) < len(values):
        raise refusal(field, "names one URI twice")
