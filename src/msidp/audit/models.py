from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class AuditEntry(Listed, Base):
    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "community_id", "seq"),)

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    at: Mapped[int]
    actor_type: Mapped[str]  # api_key, member, operator, system
    actor_id: Mapped[str | None]
    action: Mapped[str]  # <thing>.<past participle>: member.created, webhook.secret_rotated
    target_id: Mapped[str | None]
    address: Mapped[str | None]  # the caller's IP address
    details: Mapped[dict[str, Any]]
