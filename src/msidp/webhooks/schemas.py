"""What the Admin API takes for webhooks, deliveries and events; what it gives is in `answer_schemas`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from msidp import clock
from msidp.api import JsonObject, Name, PageQuery, Query, Schema, Text, left_out
from msidp.exports import ExportQuery
from msidp.webhooks import custom_headers, secrets


def _read_moment(value: Any) -> int:
    """A moment from ISO 8601. In a query a `+` that was not encoded has arrived as a space."""
    text = value if isinstance(value, str) else ""
    try:
        moment = clock.parse_iso(text[:10] + text[10:].replace(" ", "+"))
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 moment with a zone, e.g. 2026-03-28T14:30:00Z") from None
    if not 0 <= moment <= clock.LAST:
        raise ValueError("must be between 1970 and 9999")
    return moment


def _check_member_id(value: str) -> str:
    """An address would find nothing, as if nothing had been sent."""
    if not value.startswith("mem_"):
        raise ValueError("must be a member's id (mem_…), which GET /members/{address} tells")
    return value


def _check_headers(headers: dict[str, str]) -> Mapping[str, str]:
    return custom_headers.check(headers)


When = Annotated[
    int, BeforeValidator(_read_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
MemberId = Annotated[Text, AfterValidator(_check_member_id)]
Dialect = Literal["memberstack", "memberpad", "standard"]
DeliveryStatus = Literal["pending", "succeeded", "failed", "exhausted", "canceled"]
AttemptError = Literal[
    "timeout", "tls_error", "blocked_address", "dns_error", "connect_error", "bad_response", "redirect",
    "http_error", "secret_unavailable",
]  # fmt: skip
Url = Annotated[Text, Field(max_length=2048, examples=["https://example.com/hooks"])]
Names = Annotated[
    list[Annotated[str, Field(max_length=200)]],
    Field(
        max_length=100, description="Event types by the dialect's own names; an empty list is all of them."
    ),
]
Headers = Annotated[
    dict[str, str],
    AfterValidator(_check_headers),
    Field(description="Sent along with every request; 20 at most.", examples=[{"Authorization": "Bearer x"}]),
]
EventTypeName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,4}$",
        max_length=100,
        description="`<thing>[.<part>].<what happened>` in lower case.",
        examples=["invoice.paid"],
    ),
]
Description = Annotated[Text, Field(max_length=500)]
DataSchema = Annotated[
    JsonObject,
    Field(
        alias="schema",
        description="JSON Schema 2020-12 of `data`; at most 16,000 characters, `$ref` to `#/$defs/…` alone.",
    ),
]
Example = Annotated[JsonObject, Field(description="Example `data`, which fits the schema.")]
RateLimit = Annotated[
    int,
    Field(ge=1, le=10_000, description="How many attempts a second begin at most, by all workers together."),
]


PlanEvent = Annotated[
    Literal["member.plan.created", "member.plan.added"],
    Field(
        description="What the dialect memberstack calls a new plan; receivers in the field wait for either."
    ),
]
V1a = Annotated[
    bool,
    Field(
        alias="v1a",
        description="Sign with the community's ed25519 key as well (`v1a`); its public half is at "
        "`/.well-known/webhook-keys`.",
    ),
]


Secret = Annotated[
    str,
    AfterValidator(secrets.check),
    Field(description="Your own, such as the one your receiver has: `whsec_` and base64 of 24 to 64 bytes."),
]


class WebhookInput(Schema):
    name: Name
    url: Url
    dialect: Dialect
    events: Names = Field(default_factory=list)
    headers: Headers = Field(default_factory=dict)
    rate_limit: RateLimit | None = None
    plan_event: PlanEvent = "member.plan.created"
    v1a: V1a = False
    secret: Secret | None = None


class WebhookChanges(Schema):
    """Only what is given changes; `events` and `headers` are replaced as a whole."""

    name: Name = left_out()
    url: Url = left_out()
    dialect: Dialect = left_out()
    events: Names = left_out()
    headers: Headers = left_out()
    rate_limit: RateLimit | None = left_out()
    plan_event: PlanEvent = left_out()
    v1a: V1a = left_out()
    enabled: bool = left_out()


class EventInput(Schema):
    event: Annotated[str, Field(max_length=200, description="One of `GET /event-types` that is published.")]
    data: JsonObject
    timestamp: Annotated[When, Field(description="When it happened; now, if left out.")] | None = None


class EventTypeInput(Schema):
    """A type of the community's own. `schema` is a JSON Schema (2020-12) of its data; `{}` takes any."""

    name: EventTypeName
    description: Description = ""
    data_schema: DataSchema = Field(default_factory=dict)
    example: Example | None = None


class EventTypeChanges(Schema):
    """Only what is given changes; the name stays."""

    description: Description = left_out()
    data_schema: DataSchema = left_out()
    example: Example | None = left_out()


class ExampleInput(Schema):
    """Which event type's example to send, by its name in the webhook's dialect."""

    event: EventTypeName


class ReplayInput(Schema):
    """Which events to deliver once more; without `status` and `type` all that the webhook hears."""

    since: Annotated[When, Field(description="Events recorded at this moment or later.")]
    until: Annotated[When, Field(description="… and not after this one; now, if left out.")] | None = None
    status: (
        Annotated[
            DeliveryStatus,
            Field(description="Only events of which a delivery to this webhook is in this state."),
        ]
        | None
    ) = None
    type: Annotated[Text, Field(max_length=200, description="Only events of this type.")] | None = None


class DeliveryFilter(Query):
    status: Annotated[DeliveryStatus, Field(description="Deliveries in this state alone.")] | None = None
    type: (
        Annotated[Text, Field(description="Deliveries of this type alone, in the words of their dialect.")]
        | None
    ) = None
    since: Annotated[When | None, Field(description="Deliveries made at this moment or later.")] = None
    until: Annotated[When | None, Field(description="Deliveries made at this moment or before.")] = None
    event: Annotated[Text, Field(description="Deliveries of this event alone, by its id.")] | None = None
    member: Annotated[MemberId, Field(description="Deliveries about this member, by id.")] | None = None


class DeliveryQuery(DeliveryFilter, PageQuery):
    pass


class AllDeliveriesQuery(DeliveryQuery):
    webhook: Annotated[Text, Field(description="Deliveries to this webhook alone.")] | None = None


class DeliveryExportQuery(DeliveryFilter, ExportQuery):
    webhook: Annotated[Text, Field(description="Deliveries to this webhook alone.")] | None = None


class EventQuery(PageQuery):
    type: Annotated[Text, Field(description="Events of this type alone.")] | None = None
    since: Annotated[When | None, Field(description="Events that happened at this moment or later.")] = None
    until: Annotated[When | None, Field(description="Events that happened at this moment or before.")] = None
    member: Annotated[MemberId, Field(description="Events about this member alone, by id.")] | None = None
