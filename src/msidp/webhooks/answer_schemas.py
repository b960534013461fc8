"""What the Admin API gives of webhooks, deliveries and events."""

from typing import Annotated, Any, Literal

from pydantic import Field

from msidp.api import Answer, JsonObject
from msidp.webhooks.schemas import AttemptError, DeliveryStatus, Dialect, PlanEvent, V1a


class Webhook(Answer):
    id: str
    name: str
    url: str
    dialect: Dialect
    events: list[str]
    headers: dict[str, str]
    rate_limit: int | None
    plan_event: PlanEvent
    v1a: V1a
    enabled: bool
    disabled_reason: str | None
    failing_since: Annotated[str | None, Field(description="The first failure since the last success.")]
    previous_secret_expires_at: str | None
    created_at: str
    updated_at: str


class WebhookWithSecret(Webhook):
    """The only answers that show the secret: of registering and of rotating."""

    secret: Annotated[str, Field(pattern="^whsec_")]


class AttemptRequest(Answer):
    """What was sent; `body` is null once the deleted member's data was expunged."""

    headers: dict[str, str]
    body: str | None


class Timings(Answer):
    """Milliseconds of an attempt's phases; none for those that a kept connection, or a failure, left out.

    `firstByteMs` goes from the beginning to the first byte of the answer.
    """

    dns_ms: int | None
    connect_ms: int | None
    tls_ms: int | None
    first_byte_ms: int | None


class Attempt(Answer):
    """One try: `status` is the HTTP status where there was one, `error` what went wrong."""

    number: int
    at: str
    status: int | None
    latency_ms: int
    timings: Timings
    error: AttemptError | None
    request: AttemptRequest
    response_headers: dict[str, Any] | None
    response_excerpt: str | None


class Delivery(Answer):
    """An event on its way to one webhook. `reason` tells why it is exhausted or canceled.

    `test`: nothing has happened, somebody sent a ping or an example.
    """

    id: str
    event_id: str
    webhook_id: str
    type: str
    status: DeliveryStatus
    reason: str | None
    attempt_count: int
    next_attempt_at: str | None
    created_at: str
    replay_id: str | None
    test: bool


class DeliveryWithAttempts(Delivery):
    attempts: list[Attempt]


class Replay(Answer):
    """A replay and how far it got; `progress` goes from 0 to 1.

    `deliveriesOpen` counts those that are not settled yet.
    """

    id: str
    webhook_id: str
    since: str
    until: str
    status: DeliveryStatus | None
    type: str | None
    state: Literal["running", "completed", "canceled"]
    reason: str | None
    progress: float
    events_examined: int
    deliveries_created: int
    deliveries_open: int
    created_at: str
    finished_at: str | None


class Event(Answer):
    """Something that happened, as the standard dialect tells it; `data` is null once it was expunged."""

    id: str
    type: str
    timestamp: str
    member_id: str | None
    data: JsonObject | None
    created_at: str


class EventType(Answer):
    """A name that an event goes by; `schema` is the JSON Schema of its data.

    `published` tells that applications publish it (`POST /events`), `custom` that the community registered
    it. `examples` has the whole body of a delivery by dialect.
    """

    name: str
    description: str
    data_schema: Annotated[JsonObject, Field(alias="schema")]
    dialects: list[Dialect]
    published: bool
    custom: bool
    examples: dict[str, JsonObject]
