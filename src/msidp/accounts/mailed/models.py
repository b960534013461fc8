from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base


class MailedToken(Base):
    """A secret that was mailed to `email`; whoever holds it reads that mailbox. Good once.

    Asked for with an address that nobody has, it belongs to no member and is mailed to nobody.
    """

    __tablename__ = "mailed_token"
    __table_args__ = (
        Index(None, "expires_at"),
        Index(None, "browser_hash", "created_at"),
    )

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]  # see tokens.LIFETIMES
    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    member_id: Mapped[str | None] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    email: Mapped[str]
    email_key: Mapped[str]
    browser_hash: Mapped[str | None]  # of the cookie of the browser that asked
    next: Mapped[str | None]  # where that browser was going
    code_hash: Mapped[str | None]  # of a code to type in that browser
    tries_left: Mapped[int]
    data: Mapped[dict[str, Any]]  # what else the purpose needs
    created_at: Mapped[int]
    expires_at: Mapped[int]
    spent_at: Mapped[int | None]
