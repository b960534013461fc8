from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed
from msidp.oidc import lifetimes


def _unique_where_present(column: str) -> Index:
    present = text(f"{column} IS NOT NULL")
    return Index(None, column, unique=True, sqlite_where=present, postgresql_where=present)


class Application(Listed, Base):
    """A client of the provider (RFC 6749's client, in OpenID's word a relying party).

    Its columns are named after the client metadata of OpenID Connect Dynamic Client Registration 1.0 and
    its companions. Lifetimes are in seconds, as the Admin API has them.
    """

    __tablename__ = "application"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), index=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    type: Mapped[str]  # web, spa, native, machine
    secret_hash: Mapped[str | None]
    previous_secret_hash: Mapped[str | None]  # good as well until the moment below
    previous_secret_expires_at: Mapped[int | None]
    redirect_uris: Mapped[list[str]]
    post_logout_redirect_uris: Mapped[list[str]]
    backchannel_logout_uri: Mapped[str | None]
    token_endpoint_auth_method: Mapped[
        str
    ]  # client_secret_basic (stands for _post too), private_key_jwt, none
    grant_types: Mapped[list[str]]
    scopes: Mapped[list[str]]
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    jwks_uri: Mapped[str | None]
    skip_consent: Mapped[bool] = mapped_column(default=False)
    require_pkce: Mapped[bool] = mapped_column(default=False)
    require_pushed_authorization_requests: Mapped[bool] = mapped_column(default=False)
    dpop_bound_access_tokens: Mapped[bool] = mapped_column(default=False)
    security_profile: Mapped[str | None]  # fapi2
    subject_type: Mapped[str] = mapped_column(default="public")  # public, pairwise
    sector_identifier_uri: Mapped[str | None]
    id_token_signed_response_alg: Mapped[str] = mapped_column(default="RS256")
    access_token_signing_alg: Mapped[str] = mapped_column(default="RS256")
    access_token_lifetime: Mapped[int] = mapped_column(default=lifetimes.ACCESS_TOKEN)
    id_token_lifetime: Mapped[int] = mapped_column(default=lifetimes.ID_TOKEN)
    refresh_token_lifetime: Mapped[int] = mapped_column(default=lifetimes.REFRESH_TOKEN)
    refresh_token_grace: Mapped[int] = mapped_column(default=0)
    resources: Mapped[list[str]] = mapped_column(default=list)  # RFC 8707
    backchannel_logout_session_required: Mapped[bool] = mapped_column(default=False)
    client_uri: Mapped[str | None]
    logo_uri: Mapped[str | None]
    policy_uri: Mapped[str | None]
    tos_uri: Mapped[str | None]
    registration_token_hash: Mapped[str | None]  # of one that registered itself (RFC 7592)
    registration_limits: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    document_read_at: Mapped[int | None]  # of one whose client_id is the URL of its metadata (`documents`)
    document_expires_at: Mapped[int | None]
    created_at: Mapped[int]
    updated_at: Mapped[int]


class InitialAccessToken(Listed, Base):
    """What lets applications register themselves (RFC 7591). Of the token only the hash is kept."""

    __tablename__ = "initial_access_token"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    max_uses: Mapped[int | None]
    uses: Mapped[int]
    limits: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # see `registration.limits`
    expires_at: Mapped[int | None]
    created_at: Mapped[int]
    revoked_at: Mapped[int | None]


class Consent(Base):
    """The scopes a member allowed an application."""

    __tablename__ = "consent"

    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    application_id: Mapped[str] = mapped_column(
        ForeignKey("application.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    scopes: Mapped[list[str]]
    granted_at: Mapped[int]


class AuthorizationRequest(Base):
    """A pushed authorization request (RFC 9126): checked, and not answered yet."""

    __tablename__ = "authorization_request"
    __table_args__ = (Index(None, "expires_at"),)

    id_hash: Mapped[str] = mapped_column(primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    parameters: Mapped[dict[str, Any]]
    created_at: Mapped[int]  # a browser brings it soon after
    expires_at: Mapped[int]  # when nobody can answer it any more


class SessionApplication(Base):
    """An application that a member was logged in to in a session, to be told when that ends."""

    __tablename__ = "session_application"

    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    application_id: Mapped[str] = mapped_column(
        ForeignKey("application.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Grant(Base):
    """One finished authorization, with the code and the refresh token that open it.

    Whatever follows from it goes by this one row: a code or a refresh token is claimed by one UPDATE, and
    revoking the grant ends them all. An access token names its grant.
    """

    __tablename__ = "grant"
    __table_args__ = (
        Index(None, "expires_at"),
        _unique_where_present("code_hash"),
        _unique_where_present("refresh_family"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[str | None] = mapped_column(index=True)
    scope: Mapped[str]
    offline: Mapped[bool]  # whether that allows a refresh token, and goes on when the session has ended
    resources: Mapped[list[str]] = mapped_column(default=list)  # what it is for beside the provider itself
    nonce: Mapped[str | None]
    claims: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # the claims parameter
    authenticated_at: Mapped[int]
    methods: Mapped[list[str]]  # amr, as applications see it
    acr: Mapped[str | None]  # None for grants from before it was known
    created_at: Mapped[int]
    expires_at: Mapped[int]  # nothing that follows from the grant outlives it
    revoked_at: Mapped[int | None]

    # Its code; a device's grant has none.
    code_hash: Mapped[str | None]
    code_redirect_uri: Mapped[str | None]
    code_challenge: Mapped[str | None]  # always S256
    code_jkt: Mapped[str | None]  # the key whose proof has to come with it (RFC 9449, section 10)
    code_expires_at: Mapped[int | None]
    code_redeemed_at: Mapped[int | None]  # a second use of a redeemed code revokes the grant

    # Its refresh token, where it has one: the newest of a family, which share their beginning.
    refresh_family: Mapped[str | None]  # the hash of that beginning: any of them is found by it
    refresh_hash: Mapped[str | None]  # of the newest; whoever comes with another one revokes the grant
    refresh_issued_at: Mapped[int | None]
    refresh_seed: Mapped[str | None]  # from which the newest can be made again, within the grace window
    refresh_jkt: Mapped[str | None]  # the key that a public client's is bound to (RFC 9449, section 5)


class SpentProof(Base):
    """The id of a client assertion or DPoP proof that was used: kept until the same could expire unused."""

    __tablename__ = "spent_proof"
    __table_args__ = (Index(None, "expires_at"),)

    id_hash: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[int]


class PairwiseSalt(Base):
    """The secret from which a community's pairwise subjects are made. Never replaced."""

    __tablename__ = "pairwise_salt"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), primary_key=True)
    sealed: Mapped[str]  # under `pairwise_salt:<community_id>`


class DeviceAuthorization(Base):
    """What a device asks for (RFC 8628): undecided until it has a grant or was denied."""

    __tablename__ = "device_authorization"
    __table_args__ = (Index(None, "expires_at"),)

    device_code_hash: Mapped[str] = mapped_column(primary_key=True)
    user_code_hash: Mapped[str] = mapped_column(unique=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    scope: Mapped[str]
    resources: Mapped[list[str]]
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grant.id", ondelete="CASCADE"), index=True)
    denied_at: Mapped[int | None]
    redeemed_at: Mapped[int | None]
    polled_at: Mapped[int | None]
    interval: Mapped[int]  # seconds that the device waits between two polls
    created_at: Mapped[int]
    expires_at: Mapped[int]
