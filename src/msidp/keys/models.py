from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base


class SigningKey(Base):
    """One key pair. Published from creation on; signs from `active_at` until the next one does."""

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(primary_key=True)  # the JWK thumbprint (RFC 7638)
    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), index=True)
    algorithm: Mapped[str]  # RS256, ES256, EdDSA
    public_jwk: Mapped[dict[str, Any]]
    private_pem: Mapped[str]  # sealed under `signing_key:<kid>`
    created_at: Mapped[int]
    active_at: Mapped[int]
    retired_at: Mapped[int | None]  # from here on no longer published
