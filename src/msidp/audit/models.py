from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class AuditEntry(Listed, Base):
    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "community_id", "seq"),
        Index(None, "member_id", "seq"),
        Index(None, "tally_key", unique=True),
    )

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    at: Mapped[int]
    actor_type: Mapped[str]  # api_key, member, operator, system
    actor_id: Mapped[str | None]
    action: Mapped[str]  # <thing>.<past participle>: member.created, webhook.secret_rotated
    target_id: Mapped[str | None]
    member_id: Mapped[str | None]  # whose account it is about, whoever acted; stays when they are gone
    address: Mapped[str | None]  # the caller's IP address
    user_agent: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    # What a flood could repeat without end has one entry a window, of which this is the key.
    tally_key: Mapped[str | None]
    count: Mapped[int] = mapped_column(default=1)
    last_at: Mapped[int | None]
