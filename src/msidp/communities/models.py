from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class Community(Base):
    __tablename__ = "community"

    id: Mapped[str] = mapped_column(primary_key=True)  # a GUID, as MemberPad's envelope shows it
    app_id: Mapped[str] = mapped_column(unique=True)  # app_…, the audience of member session tokens
    public_key: Mapped[str] = mapped_column(unique=True)  # pk_…
    name: Mapped[str]
    language: Mapped[str] = mapped_column(server_default="en")  # one of languages.LANGUAGES
    allowed_origins: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # none: every one
    created_at: Mapped[int]
    operators_need_second_factor: Mapped[bool] = mapped_column(default=False)
    access_token_lifetime: Mapped[int | None]  # of new applications, in seconds; None: oidc.lifetimes
    id_token_lifetime: Mapped[int | None]
    refresh_token_lifetime: Mapped[int | None]
    event_retention_days: Mapped[int | None]  # None: what the environment says; likewise the next two
    delivery_retention_days: Mapped[int | None]
    attempt_retention_days: Mapped[int | None]


class ApiKey(Listed, Base):
    """A secret key (sk_…) of the Admin API; only its hash is kept."""

    __tablename__ = "api_key"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    name: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="admin")  # admin, owner
    secret_hash: Mapped[str] = mapped_column(unique=True)
    hint: Mapped[str]  # the last four characters, to tell keys apart
    created_at: Mapped[int]
    revoked_at: Mapped[int | None]
    maker_type: Mapped[str | None]  # operator, api_key, command_line; None: made before this was kept
    maker_id: Mapped[str | None]
    maker_name: Mapped[str | None]  # as it was then: it tells who it was when they are gone


class IdempotencyRecord(Base):
    """The answer to a POST that carried an Idempotency-Key, committed together with its change."""

    __tablename__ = "idempotency_record"
    __table_args__ = (UniqueConstraint("api_key_id", "key"), Index(None, "created_at"))

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    api_key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"))
    key: Mapped[str]
    request_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]  # encrypted: it may hold a secret that is shown once
    created_at: Mapped[int]
