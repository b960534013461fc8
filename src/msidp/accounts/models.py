from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class Session(Listed, Base):
    """A member logged in with one browser. `id` is the tokens' `sid`; of the cookie only the hash is kept."""

    __tablename__ = "session"
    __table_args__ = (Index(None, "expires_at"),)

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    authenticated_at: Mapped[int]  # auth_time, in milliseconds like every moment
    methods: Mapped[list[str]]  # amr (RFC 8176): pwd, otp, …
    created_at: Mapped[int]
    seen_at: Mapped[int]
    expires_at: Mapped[int]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
