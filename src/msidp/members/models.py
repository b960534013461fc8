from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from msidp.db import Base, Listed
from msidp.plans.models import Plan, Price


class Member(Listed, Base):
    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("community_id", "email_key"),
        Index(None, "community_id", "seq"),
        Index(None, "community_id", "last_login_at"),
        # For the start of an address: PostgreSQL's other indexes are in the order of a language.
        Index("ix_member_email_prefix", "email_key", postgresql_ops={"email_key": "text_pattern_ops"}),
    )

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    email: Mapped[str]  # as the member wrote it, in NFC
    email_key: Mapped[str]  # normalised (NFC, lower case, punycode domain): what is unique and looked up
    verified: Mapped[bool] = mapped_column(default=False)
    password_hash: Mapped[str | None]  # argon2id; None: no password set
    role: Mapped[str] = mapped_column(default="member")
    profile: Mapped[dict[str, Any]]  # OpenID standard claims: name, given_name, address, phone_number, …
    custom_fields: Mapped[dict[str, Any]]
    meta_data: Mapped[dict[str, Any]]
    json: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    login_redirect: Mapped[str | None]
    created_at: Mapped[int]
    updated_at: Mapped[int]
    last_login_at: Mapped[int | None]

    plan_connections: Mapped[list["PlanConnection"]] = relationship(
        order_by="PlanConnection.seq", cascade="all, delete-orphan", passive_deletes=True
    )


class PlanConnection(Listed, Base):
    """A member on a plan. A canceled one stays as a record; taking the plan off the member deletes it."""

    __tablename__ = "plan_connection"
    __table_args__ = (Index(None, "member_id", "plan_id"),)

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"), index=True)
    price_id: Mapped[str | None]
    status: Mapped[str]  # ACTIVE, TRIALING, REQUIRES_PAYMENT, REQUIRES_AUTHENTICATION, CANCELED
    created_at: Mapped[int]
    last_billing_at: Mapped[int | None]
    next_billing_at: Mapped[int | None]
    cancel_at: Mapped[int | None]

    plan: Mapped[Plan] = relationship(lazy="joined", innerjoin=True)
    price: Mapped[Price | None] = relationship(
        primaryjoin="foreign(PlanConnection.price_id) == Price.id", lazy="joined"
    )
