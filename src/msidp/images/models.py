from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base


class StoredImage(Base):
    """A picture that was encoded here. `id` follows from its owner and its content."""

    __tablename__ = "image"
    __table_args__ = (Index(None, "owner_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    owner_id: Mapped[str]  # the community, whose logo it is, or a member
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int]
