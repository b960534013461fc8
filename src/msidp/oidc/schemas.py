"""What the Admin API takes and shows of applications.

Names are those of the OpenID registration metadata in camelCase. Lifetimes are in seconds.
"""

from typing import Annotated, Literal

from pydantic import Field

from msidp.api import Answer, JsonObject, Name, Schema, Text, left_out

Uris = Annotated[list[Text], Field(max_length=100)]
AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
GrantType = Literal[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
Profile = Literal["fapi2"]

_DAY = 86_400
_AUTH_METHOD = "How it authenticates. `client_secret_basic` and `client_secret_post` stand for each other."
_GRANTS = (
    "By default `authorization_code` and `refresh_token`; `client_credentials` for a machine. web and native "
    "may have the device grant (RFC 8628) as well, or instead of `authorization_code`."
)
_SCOPES = "What may be asked for. By default every scope of OpenID; none for a machine, which names its own."
_RESOURCES = "The audiences that access tokens may be asked for (RFC 8707): absolute URIs."
_JWKS = "The application's public keys, as a JSON Web Key Set (RFC 7517). Give this or `jwksUri`."
_JWKS_URI = "Where the application publishes its keys. Give this or `jwks`."
_SKIP_CONSENT = "Members are not asked whether the application may have what it wants: for your own ones."
_REQUIRE_PKCE = (
    "Refuse a code flow without PKCE (RFC 7636). Always true of spa and native, by default false of others."
)
_REQUIRE_PAR = "Refuse an authorization request that was not pushed before (RFC 9126)."
_DPOP = "Refuse a token request without a DPoP proof: every access token is bound to a key (RFC 9449)."
_PROFILE = (
    "`fapi2` holds the application to the FAPI 2.0 Security Profile: private_key_jwt, pushed authorization "
    "requests, PKCE, DPoP, and no RS256."
)
_SUBJECT = "`pairwise`: each sector knows a member by another `sub`, so that they cannot compare."
_SECTOR = "A JSON array of all redirect URIs; its host is the sector of a pairwise subject."
_ID_TOKEN_ALG = "By which ID tokens and logout tokens are signed."  # noqa: S105  # a description
_ACCESS_TOKEN_ALG = "By which access tokens are signed."  # noqa: S105  # a description
_BY_DEFAULT = "By default what `/token-lifetimes` says when the application is made."
_REFRESH_LIFETIME = "From the log-in on, however often it is refreshed."
_GRACE = (
    "How long after its use a refresh token still answers with the same successor, as long as that was not "
    "used: for clients that lose answers. 0: every second use ends the grant."
)
_SESSION_REQUIRED = "Whether logout tokens must name the session (`sid`)."


TokenLifetime = Annotated[int, Field(ge=60, le=_DAY)]
GrantLifetime = Annotated[int, Field(ge=60, le=366 * _DAY)]


class TokenLifetimes(Schema):
    """In seconds. Only what is given changes; what is null goes back to msidp's."""

    access_token_lifetime: TokenLifetime | None = left_out()
    id_token_lifetime: TokenLifetime | None = left_out()
    refresh_token_lifetime: Annotated[GrantLifetime | None, Field(description=_REFRESH_LIFETIME)] = left_out()


class TokenLifetimesAnswer(Answer):
    access_token_lifetime: int
    id_token_lifetime: int
    refresh_token_lifetime: int


class _Fields(Schema):
    """What can be set at any time. What was not sent is told by `model_fields_set`, never by a default."""

    redirect_uris: Uris = Field(default_factory=list)
    post_logout_redirect_uris: Uris = Field(default_factory=list)
    backchannel_logout_uri: Text | None = None
    backchannel_logout_session_required: bool = Field(False, description=_SESSION_REQUIRED)
    token_endpoint_auth_method: AuthMethod = Field("client_secret_basic", description=_AUTH_METHOD)
    grant_types: list[GrantType] = Field(default_factory=list, max_length=10, description=_GRANTS)
    scopes: list[Text] = Field(default_factory=list, max_length=100, description=_SCOPES)
    resources: list[Text] = Field(default_factory=list, max_length=50, description=_RESOURCES)
    jwks: JsonObject | None = Field(None, description=_JWKS)
    jwks_uri: Text | None = Field(None, description=_JWKS_URI)
    skip_consent: bool = Field(False, description=_SKIP_CONSENT)
    require_pkce: bool = Field(False, description=_REQUIRE_PKCE)
    require_pushed_authorization_requests: bool = Field(False, description=_REQUIRE_PAR)
    dpop_bound_access_tokens: bool = Field(False, description=_DPOP)
    security_profile: Profile | None = Field(None, description=_PROFILE)
    subject_type: Literal["public", "pairwise"] = Field("public", description=_SUBJECT)
    sector_identifier_uri: Text | None = Field(None, description=_SECTOR)
    id_token_signed_response_alg: Algorithm = Field("RS256", description=_ID_TOKEN_ALG)
    access_token_signing_alg: Algorithm = Field("RS256", description=_ACCESS_TOKEN_ALG)
    access_token_lifetime: Annotated[TokenLifetime, Field(description=_BY_DEFAULT)] = left_out()
    id_token_lifetime: Annotated[TokenLifetime, Field(description=_BY_DEFAULT)] = left_out()
    refresh_token_lifetime: Annotated[
        GrantLifetime, Field(description=f"{_REFRESH_LIFETIME} {_BY_DEFAULT}")
    ] = left_out()
    refresh_token_grace: int = Field(0, ge=0, le=300, description=_GRACE)
    client_uri: Text | None = None
    logo_uri: Text | None = None
    policy_uri: Text | None = None
    tos_uri: Text | None = None


class NewApplication(_Fields):
    name: Name
    type: Literal["web", "spa", "native", "machine"]


class ApplicationChanges(_Fields):
    name: Name = "-"


class ApplicationAnswer(Answer):
    id: str
    client_id: str
    name: str
    type: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    backchannel_logout_uri: str | None
    backchannel_logout_session_required: bool
    token_endpoint_auth_method: str
    grant_types: list[str]
    scopes: list[str]
    resources: list[str]
    jwks: JsonObject | None
    jwks_uri: str | None
    skip_consent: bool
    require_pkce: bool
    require_pushed_authorization_requests: bool
    dpop_bound_access_tokens: bool
    security_profile: str | None
    subject_type: str
    sector_identifier_uri: str | None
    id_token_signed_response_alg: str
    access_token_signing_alg: str
    access_token_lifetime: int
    id_token_lifetime: int
    refresh_token_lifetime: int
    refresh_token_grace: int
    client_uri: str | None
    logo_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    previous_secret_expires_at: str | None
    created_at: str
    updated_at: str


class ApplicationWithSecret(ApplicationAnswer):
    """The only answer that shows the secret; null where the application has none."""

    client_secret: str | None


class Rotation(Schema):
    """How a secret is replaced."""

    overlap: int = Field(
        _DAY, ge=0, le=30 * _DAY, description="For how many seconds the former secret stays good as well."
    )
