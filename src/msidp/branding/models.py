from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base


class Branding(Base):
    """What a community chose of its look; without a row it is msidp's own. The logo is its image."""

    __tablename__ = "branding"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), primary_key=True)
    accent_color: Mapped[str | None]  # #rrggbb
    welcome: Mapped[dict[str, Any]]  # by language
    support_url: Mapped[str | None]  # https:// or mailto:
    terms_url: Mapped[str | None]
    privacy_url: Mapped[str | None]
    updated_at: Mapped[int]
