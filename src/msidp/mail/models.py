from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class Mail(Listed, Base):
    """One letter to one address.

    `due_at` is when it may be claimed next; a claim moves it to the end of the lease, so that a dead
    worker's mail becomes due again by itself. It is null once the mail is settled, and in the inbox.
    """

    __tablename__ = "mail"
    __table_args__ = (
        Index(
            "ix_mail_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_mail_status", "status", "seq"),
    )

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    recipient: Mapped[str]
    template: Mapped[str]
    letter: Mapped[str | None]  # sealed under `mail:<id>`; None once it is settled
    status: Mapped[str]  # pending, sent, failed; inbox: kept for development; nobody: see outbox
    attempt_count: Mapped[int] = mapped_column(default=0)
    claims: Mapped[int] = mapped_column(default=0)  # since the last recorded outcome
    due_at: Mapped[int | None]
    lease_token: Mapped[str | None]
    error: Mapped[str | None]  # the latest refusal
    created_at: Mapped[int]
    expires_at: Mapped[int]  # nobody wants it after that
    settled_at: Mapped[int | None]


class MailText(Base):
    """A community's own words for one of its mails, in one language."""

    __tablename__ = "mail_text"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), primary_key=True)
    template: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    body: Mapped[str]
    updated_at: Mapped[int]
