"""The columns of factors, whosever they are: a table adds its owner. Spent challenges are everybody's."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class AuthenticatorAppColumns(Base):
    """An authenticator app (RFC 6238). It counts for nothing until a code has confirmed it."""

    __abstract__ = True

    sealed_secret: Mapped[str]
    created_at: Mapped[int]
    confirmed_at: Mapped[int | None]
    last_step: Mapped[int | None]  # the time step of the last code that was used; each is good once


class RecoveryCodeColumns(Base):
    """A code that stands in for a lost factor; using it deletes it."""

    __abstract__ = True

    code_hash: Mapped[str] = mapped_column(primary_key=True)


class PendingLoginColumns(Base):
    """A browser whose owner has given one proof and owes the second; its cookie holds the token."""

    __abstract__ = True

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    methods: Mapped[list[str]]
    password_hash: Mapped[str | None]  # as it was; a password changed since ends the waiting
    created_at: Mapped[int]
    expires_at: Mapped[int]


class PasskeyColumns(Listed, Base):
    """A discoverable WebAuthn credential."""

    __abstract__ = True

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
