"""One example of every event type, as each dialect tells it.

What the outbox would record is written down here; the dialects make the bodies, as they do for real events.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from msidp import canonical
from msidp.webhooks.catalogue import DIALECTS, TYPES
from msidp.webhooks.dialects import Happening, hear

_AT = 1_774_708_200_000  # 2026-03-28T14:30:00Z
_COMMUNITY = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
SAMPLE_MEMBER_ID = "mem_01kmw6p9r8e3m4n5p6q7r8s9t0"
_SECOND = 1_000

_FREE: dict[str, Any] = {
    "id": "con_01kmw6pa2b3c4d5e6f7g8h9jk0",
    "active": True,
    "status": "ACTIVE",
    "planId": "pln_01kmw6n1v2w3x4y5z6a7b8c9d0",
    "planName": "Readers",
    "type": "FREE",
    "payment": None,
}
_PAID: dict[str, Any] = {
    **_FREE,
    "planId": "pln_01kmw6n4e5f6g7h8j9k0m1n2p3",
    "planName": "Pro Monthly",
    "type": "SUBSCRIPTION",
    "payment": {
        "amount": 29,
        "currency": "eur",
        "status": "PAID",
        "priceId": "prc_01kmw6n5q6r7s8t9v0w1x2y3z4",
        "lastBillingDate": _AT // _SECOND,
        "nextBillingDate": _AT // _SECOND + 30 * 86_400,
        "cancelAtDate": None,
    },
}
_RENEWED = {**_PAID, "payment": {**_PAID["payment"], "nextBillingDate": _AT // _SECOND + 60 * 86_400}}
MEMBER: dict[str, Any] = {
    "id": SAMPLE_MEMBER_ID,
    "auth": {"email": "jane@example.com", "hasPassword": True, "providers": []},
    "verified": True,
    "role": "member",
    "profile": {"name": "Jane Smith"},
    "profileImage": None,
    "loginRedirect": None,
    "stripeCustomerId": None,
    "createdAt": "2026-03-28T14:30:00.000Z",
    "lastLogin": None,
    "metaData": {},
    "customFields": {"first-name": "Jane"},
    "permissions": [],
    "planConnections": [],
    "teams": {"joinedTeams": [], "ownedTeams": []},
}
_ABOUT: dict[str, Any] = {"member": MEMBER, "displayName": "Jane Smith", "planName": None}
_ON_FREE: dict[str, Any] = {
    "member": {**MEMBER, "planConnections": [_FREE]},
    "displayName": "Jane Smith",
    "planName": "Readers",
}
_ON_PAID = {
    "member": {**MEMBER, "planConnections": [_PAID]},
    "displayName": "Jane Smith",
    "planName": "Pro Monthly",
}
_CANCELED = {**_FREE, "active": False, "status": "CANCELED"}

_RAISED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("member.created", _ABOUT),
    ("member.updated", {**_ABOUT, "reason": ["customFields.updated"]}),
    ("member.deleted", _ABOUT),
    ("member.role_changed", {**_ABOUT, "role": "admin", "previousRole": "member"}),
    ("member.plan.created", {**_ON_FREE, "planConnection": _FREE}),
    (
        "member.plan.updated",
        {**_ON_PAID, "planConnection": _PAID, "prevPlanConnection": _FREE, "renewed": False},
    ),
    (
        "member.plan.updated",
        {**_ON_PAID, "planConnection": _RENEWED, "prevPlanConnection": _PAID, "renewed": True},
    ),
    ("member.plan.canceled", {**_ON_FREE, "planConnection": _CANCELED}),
)
_PAYMENT = {"memberId": SAMPLE_MEMBER_ID, "paymentId": "pay_7311", "amount": 29, "currency": "eur"}
_POST = {
    "postId": "post_42",
    "title": "Spring is here",
    "url": "https://community.example.com/posts/42",
    "memberId": SAMPLE_MEMBER_ID,
}
_COURSE = {"courseId": "course_7", "title": "Sourdough for beginners"}
_DONE = {**_COURSE, "memberId": SAMPLE_MEMBER_ID}
_MEETING = {
    "eventId": "meeting_3",
    "title": "Spring meeting",
    "startsAt": "2026-04-18T18:00:00Z",
    "endsAt": "2026-04-18T20:00:00Z",
}
_PUBLISHED: Mapping[str, dict[str, Any]] = {
    "payment.succeeded": _PAYMENT,
    "payment.failed": {**_PAYMENT, "reason": "card_declined"},
    "payment.refund_issued": {**_PAYMENT, "refundId": "refund_9"},
    "post.published": _POST,
    "post.updated": {**_POST, "title": "Spring is here, at last"},
    "course.published": _COURSE,
    "course.lesson_completed": {**_DONE, "lessonId": "lesson_2"},
    "course.completed": _DONE,
    "event.created": _MEETING,
    "event.updated": {**_MEETING, "startsAt": "2026-04-18T19:00:00Z"},
    "product.purchased": {**_PAYMENT, "productId": "product_5", "quantity": 1},
    "comment.created": {
        "commentId": "comment_88",
        "postId": "post_42",
        "text": "At last!",
        "memberId": SAMPLE_MEMBER_ID,
    },
    "chat.message_posted": {
        "messageId": "message_901",
        "roomId": "lobby",
        "text": "Hello, everybody",
        "memberId": SAMPLE_MEMBER_ID,
    },
    "support_ticket.created": {
        "ticketId": "ticket_12",
        "subject": "I cannot find my invoice",
        "memberId": SAMPLE_MEMBER_ID,
    },
    "feature_request.created": {
        "featureRequestId": "request_4",
        "title": "Dark mode",
        "memberId": SAMPLE_MEMBER_ID,
    },
}


def happenings() -> Iterator[Happening]:
    """One happening of each kind, as the outbox records it."""
    for type_, data in (*_RAISED, *_PUBLISHED.items()):
        yield Happening(type_, _AT, _COMMUNITY, data)


def published_data(name: str) -> dict[str, Any]:
    """Example data of a type that applications publish."""
    return _PUBLISHED[name]


def custom(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """What an endpoint hears of an event of a type that a community registered, by dialect."""
    return _heard(Happening(name, _AT, _COMMUNITY, data))[name]


def to_send(voice: str, name: str, data: dict[str, Any] | None, community_id: str, at: int) -> bytes | None:
    """The body of a test event of this type, as the voice tells it now; None where it has no such type.

    `data` is the example of a type that the community registered, None of msidp's own. `test` stands
    beside the envelope's other properties, so that no receiver takes it for something that has happened.
    """
    known = happenings() if data is None else iter([Happening(name, at, community_id, data)])
    for each in known:
        heard = hear(voice, replace(each, occurred_at=at, community_id=community_id))
        if heard is not None and heard[0] == name:
            return canonical.dumps({**canonical.loads(heard[1]), "test": True}).encode()
    return None


def _heard(event: Happening) -> dict[str, dict[str, Any]]:
    """By the name it goes by, then by dialect."""
    told: dict[str, dict[str, Any]] = {}
    for dialect in DIALECTS:
        heard = hear(dialect, event)
        if heard is not None:
            told.setdefault(heard[0], {})[dialect] = canonical.loads(heard[1])
    return told


def _all() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {name: {} for name in TYPES}
    for event in happenings():
        for name, told in _heard(event).items():
            found[name] = {**told, **found[name]}
    return found


EXAMPLES: Mapping[str, Mapping[str, Any]] = _all()
"""By type and dialect: the whole body of a delivery."""
