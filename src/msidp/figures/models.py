from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base


class CommunityHour(Base):
    """What happened in a community within one hour. All hours together say how many members there are."""

    __tablename__ = "community_hour"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True)  # its first millisecond
    joined: Mapped[int] = mapped_column(default=0)
    departed: Mapped[int] = mapped_column(default=0)
    logged_in: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)  # log-ins with a wrong address or password
