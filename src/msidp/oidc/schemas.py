"""What the Admin API takes and shows of applications."""

from typing import Annotated, Literal

from pydantic import Field

from msidp.api import Answer, JsonObject, Name, Schema, Text

Uris = Annotated[list[Text], Field(max_length=100)]
AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
_GRANTS = "By default `authorization_code` and `refresh_token`; `client_credentials` for a machine."
_SCOPES = "What may be asked for. By default every scope of OpenID; none for a machine, which names its own."
_JWKS = (
    "The application's public keys, as a JSON Web Key Set (RFC 7517). Give this or `jwksUri`. Not used yet."
)
_JWKS_URI = "Where the application publishes its keys. Give this or `jwks`. Not used yet."
_SKIP_CONSENT = "Members are not asked whether the application may have what it wants: for your own ones."
_REQUIRE_PKCE = (
    "Refuse a code flow without PKCE (RFC 7636). Always true of spa and native, by default false of others."
)
GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]


class _Fields(Schema):
    """What can be set at any time. What was not sent is told by `model_fields_set`, never by a default."""

    redirect_uris: Uris = Field(default_factory=list)
    post_logout_redirect_uris: Uris = Field(default_factory=list)
    backchannel_logout_uri: Text | None = None
    token_endpoint_auth_method: AuthMethod = Field("client_secret_basic")
    grant_types: list[GrantType] = Field(default_factory=list, max_length=10, description=_GRANTS)
    scopes: list[Text] = Field(default_factory=list, max_length=100, description=_SCOPES)
    jwks: JsonObject | None = Field(None, description=_JWKS)
    jwks_uri: Text | None = Field(None, description=_JWKS_URI)
    skip_consent: bool = Field(False, description=_SKIP_CONSENT)
    require_pkce: bool = Field(False, description=_REQUIRE_PKCE)


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
    token_endpoint_auth_method: str
    grant_types: list[str]
    scopes: list[str]
    jwks: JsonObject | None
    jwks_uri: str | None
    skip_consent: bool
    require_pkce: bool
    signing_algorithm: str
    created_at: str
    updated_at: str


class ApplicationWithSecret(ApplicationAnswer):
    """The only answer that shows the secret; null where the application is public."""

    client_secret: str | None
