"""The event types: their names on the wire, what each tells, the JSON Schema of its data, who speaks of it.

Grammar of a name: `<thing>[.<part>].<what happened>`, in lower case. A change of a member is recorded
under Memberstack's name; where MemberPad calls it otherwise, both names stand here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEMBERSTACK = "memberstack"
MEMBERPAD = "memberpad"
STANDARD = "standard"
DIALECTS = (MEMBERSTACK, MEMBERPAD, STANDARD)
PING = "ping"
LOGOUT = "logout"  # of the hidden endpoints that carry logout tokens (see `webhooks.logout`): none to choose
PLAN_CREATED = "member.plan.created"
PLAN_ADDED = "member.plan.added"  # what some receivers of Memberstack's webhooks call the same
MEMBERSTACK_ADDED = "memberstack.added"

Schema = dict[str, Any]
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OBJECT: Schema = {"type": "object"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
MEMBER_ID: Schema = {
    "type": "string",
    "pattern": "^mem_",
    "maxLength": 100,  # it is indexed, and PostgreSQL's indexes hold 2,700 bytes
    "description": "The member's id here.",
}


@dataclass(frozen=True, slots=True)
class EventType:
    """One name an event goes by.

    `schema` describes `data` (in Memberstack's dialect `payload`). `published` tells that the event
    happens in the community's own applications, which publish it; msidp raises the others itself.
    """

    name: str
    description: str
    schema: Schema
    dialects: tuple[str, ...]
    published: bool = False


def _object(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """Any object whose properties, where it has them, are these. More are welcome."""
    schema: Schema = {"$schema": _SCHEMA, "type": "object", "properties": dict(properties)}
    return schema | ({"required": list(required)} if required else {})


_CONNECTION: Schema = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "active": {"type": "boolean"},
        "status": {"enum": ["ACTIVE", "TRIALING", "REQUIRES_PAYMENT", "REQUIRES_AUTHENTICATION", "CANCELED"]},
        "planId": _TEXT,
        "planName": _TEXT,
        "type": {"enum": ["FREE", "SUBSCRIPTION", "ONETIME"]},
        "payment": {"type": ["object", "null"]},
    },
    "required": ["id", "active", "status", "planId", "planName", "type"],
}
_MEMBER = _object(
    {
        "id": MEMBER_ID,
        "auth": {"type": "object", "properties": {"email": _TEXT}, "required": ["email"]},
        "verified": {"type": "boolean"},
        "createdAt": _MOMENT,
        "metaData": _OBJECT,
        "customFields": _OBJECT,
        "planConnections": {"type": "array", "items": _CONNECTION},
    },
    required=("id", "auth", "metaData", "customFields", "planConnections"),
)
_DELETED = _object({"id": MEMBER_ID}, required=("id",))
_PLAN_PROPERTIES = {"id": MEMBER_ID, "member": _OBJECT, "planConnection": _CONNECTION}
_PLAN = _object(_PLAN_PROPERTIES, required=tuple(_PLAN_PROPERTIES))
_PLAN_UPDATED = _object(
    {**_PLAN_PROPERTIES, "prevPlanConnection": _CONNECTION},
    required=(*_PLAN_PROPERTIES, "prevPlanConnection"),
)
_ABOUT = {"memberId": MEMBER_ID, "displayName": _TEXT, "email": _TEXT, "planName": _OPTIONAL_TEXT}
_MEMBERSHIP = _object(_ABOUT, required=tuple(_ABOUT))
_ROLE_CHANGED = _object(
    {**_ABOUT, "role": _TEXT, "previousRole": _TEXT}, required=(*_ABOUT, "role", "previousRole")
)
_SUBSCRIPTION_PROPERTIES = {
    **_ABOUT,
    "planId": _TEXT,
    "connectionId": _TEXT,
    "status": _TEXT,
    "nextBillingDate": {"type": ["string", "null"], "format": "date-time"},
}
_SUBSCRIPTION = _object(_SUBSCRIPTION_PROPERTIES, required=tuple(_SUBSCRIPTION_PROPERTIES))
_PREVIOUS = {"previousPlanId": _TEXT, "previousPlanName": _TEXT, "previousStatus": _TEXT}
_SUBSCRIPTION_CHANGED = _object(
    {**_SUBSCRIPTION_PROPERTIES, **_PREVIOUS}, required=(*_SUBSCRIPTION_PROPERTIES, *_PREVIOUS)
)

_AMOUNT = {"amount": _NUMBER, "currency": _TEXT}
_PAYMENT = {"memberId": MEMBER_ID, "paymentId": _TEXT, **_AMOUNT}
_POST = {"postId": _TEXT, "title": _TEXT, "url": _TEXT, "memberId": MEMBER_ID}
_COURSE = {"courseId": _TEXT, "title": _TEXT, "memberId": MEMBER_ID}
_EVENT = {"eventId": _TEXT, "title": _TEXT, "startsAt": _TEXT, "endsAt": _TEXT, "memberId": MEMBER_ID}
_PURCHASE = {**_PAYMENT, "productId": _TEXT, "quantity": _COUNT}
_COMMENT = {"commentId": _TEXT, "postId": _TEXT, "text": _TEXT, "memberId": MEMBER_ID}
_CHAT_MESSAGE = {"messageId": _TEXT, "roomId": _TEXT, "text": _TEXT, "memberId": MEMBER_ID}
_TICKET = {"ticketId": _TEXT, "subject": _TEXT, "memberId": MEMBER_ID}
_REQUEST = {"featureRequestId": _TEXT, "title": _TEXT, "memberId": MEMBER_ID}

_OWN = (
    ("member.created", "A new member signed up or was created", _MEMBER),
    ("member.updated", "Member data changed", _MEMBER),
    ("member.deleted", "A member was removed", _DELETED),
    ("member.plan.created", "A member got a new plan", _PLAN),
    ("member.plan.updated", "A member's plan connection changed", _PLAN_UPDATED),
    ("member.plan.canceled", "A member's plan was canceled", _PLAN),
)
_TWINS = (
    ("member.joined", "A new member joined the community", _MEMBERSHIP),
    ("member.left", "A member left or was removed from the community", _MEMBERSHIP),
    ("subscription.created", "A member got a new plan", _SUBSCRIPTION),
    ("subscription.cancelled", "A member's plan was canceled", _SUBSCRIPTION),
    ("subscription.renewed", "A member goes on with a plan", _SUBSCRIPTION_CHANGED),
    ("subscription.plan_changed", "A member's plan or its status changed", _SUBSCRIPTION_CHANGED),
)
# MemberPad's reference fixes no fields of these, so none is required.
_PUBLISHED = (
    ("payment.succeeded", "A payment was processed", _PAYMENT),
    ("payment.failed", "A payment attempt failed", {**_PAYMENT, "reason": _TEXT}),
    ("payment.refund_issued", "A refund was issued", {**_PAYMENT, "refundId": _TEXT}),
    ("post.published", "A new post was published", _POST),
    ("post.updated", "A post was updated", _POST),
    ("course.published", "A new course was published", _COURSE),
    ("course.lesson_completed", "A member completed a lesson of a course", {**_COURSE, "lessonId": _TEXT}),
    ("course.completed", "A member completed a course", _COURSE),
    ("event.created", "A new event was created", _EVENT),
    ("event.updated", "An event was updated", _EVENT),
    ("product.purchased", "A digital product was purchased", _PURCHASE),
    ("comment.created", "A comment was posted on a post", _COMMENT),
    ("chat.message_posted", "A message was posted in a chat room", _CHAT_MESSAGE),
    ("support_ticket.created", "A support ticket was submitted", _TICKET),
    ("feature_request.created", "A feature request was submitted", _REQUEST),
)

TYPES: Mapping[str, EventType] = {
    each.name: each
    for each in (
        *(EventType(*own, (MEMBERSTACK, STANDARD)) for own in _OWN),
        *(EventType(*twin, (MEMBERPAD,)) for twin in _TWINS),
        EventType("member.role_changed", "A member's role changed", _ROLE_CHANGED, (MEMBERPAD, STANDARD)),
        *(
            EventType(name, description, _object(properties), (MEMBERPAD, STANDARD), published=True)
            for name, description, properties in _PUBLISHED
        ),
    )
}
"""Every type an endpoint can subscribe to. A ping is none of them: it goes to one endpoint, always."""

_NAMES = {
    dialect: frozenset(each.name for each in TYPES.values() if dialect in each.dialects)
    for dialect in DIALECTS
}
_NAMES[MEMBERSTACK_ADDED] = _NAMES[MEMBERSTACK] - {PLAN_CREATED} | {PLAN_ADDED}


def voice(dialect: str, plan_event: str) -> str:
    """The dialect as an endpoint wants it spoken: its own name, but for Memberstack's with PLAN_ADDED."""
    return MEMBERSTACK_ADDED if dialect == MEMBERSTACK and plan_event == PLAN_ADDED else dialect


def names_in(dialect: str) -> frozenset[str]:
    """The names an endpoint of this dialect can subscribe to, a community's own types aside."""
    return _NAMES[dialect]
