from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from msidp.db import Base, Listed


class Plan(Listed, Base):
    __tablename__ = "plan"
    __table_args__ = (Index(None, "community_id", "seq"),)

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(default="ACTIVE")  # ACTIVE, ARCHIVED
    created_at: Mapped[int]

    prices: Mapped[list["Price"]] = relationship(
        order_by="Price.seq", cascade="all, delete-orphan", passive_deletes=True
    )


class Price(Listed, Base):
    """A price of a plan; a plan without one is free."""

    __tablename__ = "price"

    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id", ondelete="CASCADE"), index=True)
    name: Mapped[str | None]
    amount: Mapped[float]
    currency: Mapped[str]
    type: Mapped[str]  # SUBSCRIPTION, ONETIME
    interval_type: Mapped[str | None]  # DAY, WEEK, MONTH, YEAR
    interval_count: Mapped[int | None]
    status: Mapped[str] = mapped_column(default="ACTIVE")
