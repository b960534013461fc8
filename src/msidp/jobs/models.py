from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from msidp.db import Base, Listed


class Job(Listed, Base):
    """Many changes that somebody asked for at once. `cursor` moves towards `until` as they are made."""

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "ix_job_running",
            "examined",
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index(None, "community_id", "seq"),
    )

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    kind: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    actor_type: Mapped[str]  # who asked for it, and in whose name each change is made
    actor_id: Mapped[str | None]
    address: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="running")  # running, completed, canceled
    cursor: Mapped[int] = mapped_column(default=0)
    until: Mapped[int]
    examined: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)  # where there was nothing to do
    failed: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # the first of those that failed
    created_at: Mapped[int]
    finished_at: Mapped[int | None]


class JobPart(Base):
    """Some of what a job reads: records of an uploaded file. They go when the job is over."""

    __tablename__ = "job_part"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # from 1
    records: Mapped[str] = mapped_column(Text)  # what the job reads, as JSON in ASCII: it is not checked yet
