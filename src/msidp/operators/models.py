from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed
from msidp.factors.models import (
    AuthenticatorAppColumns,
    PasskeyColumns,
    PendingLoginColumns,
    RecoveryCodeColumns,
)


class Operator(Listed, Base):
    __tablename__ = "operator"
    __table_args__ = (UniqueConstraint("community_id", "email_key"),)

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    email: Mapped[str]
    email_key: Mapped[str]  # normalised: what is unique and looked up
    name: Mapped[str]
    role: Mapped[str]  # owner, admin, viewer
    password_hash: Mapped[str]
    created_at: Mapped[int]
    last_login_at: Mapped[int | None]


class OperatorSession(Listed, Base):
    """An operator signed in with one browser. Of the cookie only the hash is kept."""

    __tablename__ = "operator_session"
    __table_args__ = (Index(None, "expires_at"),)

    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[int]
    seen_at: Mapped[int]
    proved_at: Mapped[int]  # when who it is was last proved in it: what is grave asks for a fresh proof
    expires_at: Mapped[int]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]


class OperatorInvitation(Listed, Base):
    """A link by which somebody becomes an operator, once. The first one names no address."""

    __tablename__ = "operator_invitation"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), index=True)
    email: Mapped[str | None]
    role: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    invited_by: Mapped[str | None]  # an operator's id
    created_at: Mapped[int]
    expires_at: Mapped[int]


class OperatorApp(AuthenticatorAppColumns):
    """An operator's authenticator app."""

    __tablename__ = "operator_app"

    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), primary_key=True)


class OperatorRecoveryCode(RecoveryCodeColumns):
    """A code that stands in for an operator's app or passkey."""

    __tablename__ = "operator_recovery_code"

    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), index=True)


class OperatorPasskey(PasskeyColumns):
    """An operator's passkey."""

    __tablename__ = "operator_passkey"

    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), index=True)


class OperatorPendingLogin(PendingLoginColumns):
    """A browser whose operator has given the password and owes the second factor."""

    __tablename__ = "operator_pending_login"
    __table_args__ = (Index(None, "expires_at"),)

    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), index=True)


class OperatorReset(Base):
    """A link by which an operator chooses a new password, once. For an address that nobody has: nobody's."""

    __tablename__ = "operator_reset"
    __table_args__ = (Index(None, "expires_at"),)

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[str | None] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[int]
