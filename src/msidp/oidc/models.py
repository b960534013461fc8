from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class Application(Listed, Base):
    """A client of the provider (RFC 6749's client, in OpenID's word a relying party)."""

    __tablename__ = "application"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), index=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    type: Mapped[str]  # web, spa, native, machine
    secret_hash: Mapped[str | None]
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
    signing_algorithm: Mapped[str] = mapped_column(default="RS256")
    created_at: Mapped[int]
    updated_at: Mapped[int]


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
    """A checked request to /authorize that waits while the member logs in or consents."""

    __tablename__ = "authorization_request"
    __table_args__ = (Index(None, "expires_at"),)

    id_hash: Mapped[str] = mapped_column(primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    parameters: Mapped[dict[str, Any]]
    created_at: Mapped[int]  # prompt=login is satisfied by a log-in after this moment
    expires_at: Mapped[int]


class Grant(Base):
    """One finished authorization, shared by every code and token that follows. Revoking it ends them all."""

    __tablename__ = "grant"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[str | None] = mapped_column(index=True)
    scope: Mapped[str]
    nonce: Mapped[str | None]
    claims: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # the claims parameter
    authenticated_at: Mapped[int]
    methods: Mapped[list[str]]
    created_at: Mapped[int]
    expires_at: Mapped[int]  # nothing that follows from the grant outlives it
    revoked_at: Mapped[int | None]


class AuthorizationCode(Base):
    __tablename__ = "authorization_code"
    __table_args__ = (Index(None, "expires_at"),)

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grant.id", ondelete="CASCADE"), index=True)
    application_id: Mapped[str]
    redirect_uri: Mapped[str]
    code_challenge: Mapped[str | None]  # always S256
    expires_at: Mapped[int]
    redeemed_at: Mapped[int | None]


class RefreshToken(Base):
    __tablename__ = "refresh_token"
    __table_args__ = (Index(None, "expires_at"),)

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grant.id", ondelete="CASCADE"), index=True)
    application_id: Mapped[str]
    created_at: Mapped[int]
    expires_at: Mapped[int]
    redeemed_at: Mapped[int | None]  # a second use of a redeemed token revokes the grant
