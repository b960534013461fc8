from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.factors.models import (
    AuthenticatorAppColumns,
    PasskeyColumns,
    PendingLoginColumns,
    RecoveryCodeColumns,
)


class AuthenticatorApp(AuthenticatorAppColumns):
    """A member's authenticator app."""

    __tablename__ = "authenticator_app"

    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)


class RecoveryCode(RecoveryCodeColumns):
    """A code that stands in for a member's lost authenticator app."""

    __tablename__ = "recovery_code"

    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)


class PendingLogin(PendingLoginColumns):
    """A browser whose member has given one proof and owes the second."""

    __tablename__ = "pending_login"
    __table_args__ = (Index(None, "expires_at"),)

    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)


class Passkey(PasskeyColumns):
    """A member's passkey."""

    __tablename__ = "passkey"

    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
