from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


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
