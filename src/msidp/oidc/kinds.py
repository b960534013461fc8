"""The four kinds of application, and what each is unless it says otherwise."""

from dataclasses import dataclass
from typing import Any

from msidp.oidc import lifetimes, scopes

_CONFIDENTIAL = ("client_secret_basic", "client_secret_post", "private_key_jwt")
_MEMBER_GRANTS = ("authorization_code", "refresh_token")
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
FAPI2 = "fapi2"


@dataclass(frozen=True, slots=True)
class Kind:
    """What an application of this type may be; the first of each is what it is by default."""

    auth_methods: tuple[str, ...]
    grant_types: tuple[str, ...]
    further_grants: tuple[str, ...] = ()  # allowed as well
    public: bool = False
    native: bool = False

    @property
    def has_members(self) -> bool:
        """Whether members log in through it."""
        return "authorization_code" in self.grant_types


KINDS = {
    "web": Kind(_CONFIDENTIAL, _MEMBER_GRANTS, (DEVICE_CODE,)),
    "spa": Kind(("none",), _MEMBER_GRANTS, public=True),
    "native": Kind(("none",), _MEMBER_GRANTS, (DEVICE_CODE,), public=True, native=True),
    "machine": Kind(_CONFIDENTIAL, ("client_credentials",)),
}
GRANT_TYPES = tuple(
    dict.fromkeys(name for kind in KINDS.values() for name in kind.grant_types + kind.further_grants)
)


def defaults(type_: str, security_profile: str | None = None) -> dict[str, Any]:
    """The fields that a new application of this type and profile need not name."""
    kind = KINDS[type_]
    is_fapi = security_profile == FAPI2
    algorithm = "ES256" if is_fapi else "RS256"
    return {
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "backchannel_logout_uri": None,
        "backchannel_logout_session_required": False,
        "token_endpoint_auth_method": "private_key_jwt" if is_fapi else kind.auth_methods[0],
        "grant_types": list(kind.grant_types),
        "scopes": list(scopes.MEMBER_SCOPES) if kind.has_members else [],
        "resources": [],
        "jwks": None,
        "jwks_uri": None,
        "skip_consent": False,
        "require_pkce": kind.public,
        "require_pushed_authorization_requests": False,
        "dpop_bound_access_tokens": False,
        "security_profile": security_profile,
        "subject_type": "public",
        "sector_identifier_uri": None,
        "id_token_signed_response_alg": algorithm,
        "access_token_signing_alg": algorithm,
        "access_token_lifetime": lifetimes.ACCESS_TOKEN,
        "id_token_lifetime": lifetimes.ID_TOKEN,
        "refresh_token_lifetime": lifetimes.REFRESH_TOKEN,
        "refresh_token_grace": 0,
        "client_uri": None,
        "logo_uri": None,
        "policy_uri": None,
        "tos_uri": None,
    }
