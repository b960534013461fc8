from collections.abc import Mapping
from typing import Any

from sqlalchemy import Double, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, and_, text
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from msidp.db import Base, Listed
from msidp.webhooks import secrets
from msidp.webhooks.catalogue import PLAN_CREATED, voice


class WebhookEndpoint(Listed, Base):
    """Where events go. A deleted one stays as long as its deliveries' log, disabled, without secrets."""

    __tablename__ = "webhook_endpoint"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), index=True)
    name: Mapped[str]
    url: Mapped[str]
    dialect: Mapped[str]  # memberstack, memberpad, standard; logout of the hidden ones (`webhooks.logout`)
    events: Mapped[list[str]]  # in the dialect's own names; empty: all
    sealed_headers: Mapped[str] = mapped_column("headers", Text)  # see `secrets.seal_headers`
    plan_event: Mapped[str] = mapped_column(
        default=PLAN_CREATED
    )  # how Memberstack's dialect calls a new plan
    v1a: Mapped[bool] = mapped_column(default=False)  # sign with the community's ed25519 key too
    rate_limit: Mapped[int | None]  # attempts a second, by all workers together
    paced_until: Mapped[float | None] = mapped_column(Double)  # see `pace`
    enabled: Mapped[bool] = mapped_column(default=True)
    disabled_reason: Mapped[str | None]
    secret: Mapped[str]  # sealed under `webhook_endpoint:<id>`
    previous_secret: Mapped[str | None]
    previous_secret_expires_at: Mapped[int | None]
    failing_since: Mapped[int | None]  # the first failed attempt after the last one that succeeded
    created_at: Mapped[int]
    updated_at: Mapped[int]
    deleted_at: Mapped[int | None]

    @property
    def voice(self) -> str:
        """Its dialect, and how it wants that spoken: what its deliveries' `dialect` is."""
        return voice(self.dialect, self.plan_event)

    @property
    def headers(self) -> dict[str, str]:
        """The custom headers, opened. Needs an application context."""
        return secrets.open_headers(self.id, self.sealed_headers)

    @headers.setter
    def headers(self, headers: Mapping[str, str]) -> None:
        self.sealed_headers = secrets.seal_headers(self.id, headers)


class WebhookKey(Listed, Base):
    """An ed25519 key that signs for a community's endpoints. One without expiry is the present one."""

    __tablename__ = "webhook_key"

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"), index=True)
    public_key: Mapped[str]  # whpk_…
    private_key: Mapped[str]  # whsk_…, sealed under `webhook_key:<id>`
    created_at: Mapped[int]
    expires_at: Mapped[int | None]


class CustomEventType(Listed, Base):
    """A type of event that the community registered for its own applications."""

    __tablename__ = "event_type"
    __table_args__ = (UniqueConstraint("community_id", "name"),)

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    name: Mapped[str]
    description: Mapped[str]
    schema: Mapped[dict[str, Any]]
    example: Mapped[dict[str, Any] | None]
    created_at: Mapped[int]
    updated_at: Mapped[int]


class Event(Listed, Base):
    """Something that happened, recorded once, in no dialect. `id` is the `webhook-id` on the wire."""

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "community_id", "seq"),
        Index(None, "community_id", "type", "seq"),
        Index(None, "community_id", "occurred_at"),
        Index(None, "member_id"),
        Index(
            "ix_event_to_expunge",
            "member_id",
            sqlite_where=text("type = 'member.deleted' AND expunged_at IS NULL"),
            postgresql_where=text("type = 'member.deleted' AND expunged_at IS NULL"),
        ),
    )

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    type: Mapped[str]
    occurred_at: Mapped[int]
    member_id: Mapped[str | None]  # no foreign key: the event outlives the member
    data: Mapped[dict[str, Any] | None]  # None once expunged
    created_at: Mapped[int]
    expunged_at: Mapped[int | None]


class EventBody(Base):
    """The bytes of an event in one dialect, serialised once: what is signed and sent at every attempt."""

    __tablename__ = "event_body"

    event_id: Mapped[str] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    dialect: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]  # the event's type as the dialect calls it
    body: Mapped[bytes] = mapped_column(LargeBinary)  # empty once expunged


class Delivery(Listed, Base):
    """One event on its way to one endpoint. `id` is a GUID (X-MemberPad-Delivery).

    `due_at` is when it may be claimed next; a claim moves it to the end of the lease, so that a dead
    worker's row becomes due again by itself. It is null once the delivery is settled. An attempt asked
    for by hand leaves the schedule alone: `resume_at` keeps when that goes on.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", "origin"),
        Index(
            "ix_delivery_endpoint_due",
            "endpoint_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_delivery_log", "endpoint_id", "seq"),
        Index("ix_delivery_log_by_status", "endpoint_id", "status", "seq"),
    )

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    event_id: Mapped[str] = mapped_column(ForeignKey("event.id"))
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    dialect: Mapped[str]  # the endpoint's when the delivery was made
    origin: Mapped[str] = mapped_column(default="event")  # event, ping, or the replay that made it
    status: Mapped[str] = mapped_column(default="pending")  # pending, succeeded, failed, exhausted, canceled
    reason: Mapped[str | None]  # why it is exhausted or canceled
    attempt_count: Mapped[int] = mapped_column(default=0)
    scheduled_count: Mapped[int] = mapped_column(default=0)  # attempts less those asked for by hand
    manual: Mapped[bool] = mapped_column(default=False)  # the next attempt is asked for by hand
    resume_at: Mapped[int | None]
    claims: Mapped[int] = mapped_column(default=0)  # since the last recorded outcome
    due_at: Mapped[int | None]
    lease_token: Mapped[str | None]
    created_at: Mapped[int]
    settled_at: Mapped[int | None]

    message: Mapped[EventBody] = relationship(
        primaryjoin=lambda: and_(
            foreign(Delivery.event_id) == EventBody.event_id, foreign(Delivery.dialect) == EventBody.dialect
        ),
        viewonly=True,
    )
    attempts: Mapped[list["Attempt"]] = relationship(order_by="Attempt.number", viewonly=True)


class Replay(Listed, Base):
    """New deliveries of old events to one endpoint, made in slices. Its id is their `origin`.

    `cursor` is the id of the last event looked at; it moves in the transaction that makes the deliveries.
    """

    __tablename__ = "replay"
    __table_args__ = (
        Index(
            "ix_replay_running",
            "endpoint_id",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index(None, "endpoint_id", "seq"),
    )

    community_id: Mapped[str] = mapped_column(ForeignKey("community.id"))
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    since: Mapped[int]
    until: Mapped[int]
    status: Mapped[str | None]  # only events with a delivery in this state
    type: Mapped[str | None]  # only events that the endpoint's dialect calls this
    state: Mapped[str] = mapped_column(default="running")  # running, completed, canceled
    reason: Mapped[str | None]  # why it was canceled
    cursor: Mapped[str]
    examined: Mapped[int] = mapped_column(default=0)  # events
    created: Mapped[int] = mapped_column(default=0)  # deliveries
    created_at: Mapped[int]
    finished_at: Mapped[int | None]


class EndpointHour(Base):
    """The attempts at one endpoint within one hour: how they ended, and how long it took to answer."""

    __tablename__ = "endpoint_hour"

    # No foreign key: its check would hold the endpoint after the deliveries, and wait in a circle.
    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True)  # its first millisecond
    succeeded: Mapped[int]
    failed: Mapped[int]  # and to be tried again
    exhausted: Mapped[int]
    # Attempts that were answered, by how soon: the n-th is of those up to the n-th of hours.BOUNDS.
    t0: Mapped[int]
    t1: Mapped[int]
    t2: Mapped[int]
    t3: Mapped[int]
    t4: Mapped[int]
    t5: Mapped[int]
    t6: Mapped[int]
    t7: Mapped[int]
    t8: Mapped[int]
    t9: Mapped[int]
    t10: Mapped[int]
    t11: Mapped[int]


class Attempt(Base):
    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"))
    number: Mapped[int]
    at: Mapped[int]
    status: Mapped[int | None]  # the HTTP status
    latency_ms: Mapped[int]  # from the beginning to the end
    dns_ms: Mapped[int | None]  # this and the next two: none where a kept connection was used
    connect_ms: Mapped[int | None]
    tls_ms: Mapped[int | None]
    first_byte_ms: Mapped[int | None]  # from the beginning to the response's first byte
    error: Mapped[str | None]
    request_headers: Mapped[str] = mapped_column(Text)  # a JSON object, as text: it is written in bulk
    response_headers: Mapped[str | None] = mapped_column(Text)  # likewise
    response_excerpt: Mapped[str | None]
    manual: Mapped[bool] = mapped_column(default=False)
