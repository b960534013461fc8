from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class AuthenticatorApp(Base):
    """A member's authenticator app (RFC 6238). It counts for nothing until a code has confirmed it."""

    __tablename__ = "authenticator_app"

    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: Mapped[str]
    created_at: Mapped[int]
    confirmed_at: Mapped[int | None]
    last_step: Mapped[int | None]  # the time step of the last code that was used; each is good once


class RecoveryCode(Base):
    """A code that stands in for a lost authenticator app; using it deletes it."""

    __tablename__ = "recovery_code"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)


class PendingLogin(Base):
    """A browser whose member has given one proof and owes the second; its cookie holds the token."""

    __tablename__ = "pending_login"
    __table_args__ = (Index(None, "expires_at"),)

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    methods: Mapped[list[str]]
    password_hash: Mapped[str | None]  # as it was; a password changed since ends the waiting
    created_at: Mapped[int]
    expires_at: Mapped[int]


class Passkey(Listed, Base):
    """A discoverable WebAuthn credential of a member."""

    __tablename__ = "passkey"

    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[str] = mapped_column(unique=True)  # base64url, as browsers name it
    public_key: Mapped[bytes]  # COSE
    sign_count: Mapped[int]
    synced: Mapped[bool]  # may live on several devices
    transports: Mapped[list[str]]
    name: Mapped[str]
    created_at: Mapped[int]
    used_at: Mapped[int | None]


class SpentChallenge(Base):
    """A WebAuthn challenge that was answered. It is kept until it would have expired by itself."""

    __tablename__ = "spent_challenge"
    __table_args__ = (Index(None, "expires_at"),)

    challenge_hash: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[int]
