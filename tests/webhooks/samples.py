"""Events as `outbox.record` takes them, one of each kind."""

from typing import Any

from msidp.webhooks.dialects import Happening

COMMUNITY = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
AT = 1_774_708_200_123  # 2026-03-28T14:30:00.123Z
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # the bytes 0 to 31
OLD_SECRET = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
MEMBER: dict[str, Any] = {
    "id": "mem_1",
    "auth": {"email": "jörg@example.com", "hasPassword": True, "providers": []},
    "metaData": {},
    "customFields": {"10": 1.0, "9": "a\u2028b"},
    "planConnections": [],
}
FREE: dict[str, Any] = {
    "id": "con_1",
    "active": True,
    "status": "ACTIVE",
    "planId": "pln_1",
    "planName": "Basic",
    "type": "FREE",
    "payment": None,
}
PAID: dict[str, Any] = {
    **FREE,
    "planId": "pln_2",
    "planName": "Pro Monthly",
    "type": "SUBSCRIPTION",
    "payment": {"amount": 29, "currency": "eur", "nextBillingDate": 1_777_300_200},
}
ABOUT: dict[str, Any] = {"member": MEMBER, "displayName": "Jörg", "planName": "Basic"}


def happening(type: str, data: dict[str, Any]) -> Happening:  # noqa: A002  # as in outbox
    return Happening(type, AT, COMMUNITY, data)


CREATED = happening("member.created", ABOUT)
UPDATED = happening("member.updated", {**ABOUT, "reason": ["customFields.updated"]})
DELETED = happening("member.deleted", ABOUT)
ROLE_CHANGED = happening("member.role_changed", {**ABOUT, "role": "admin", "previousRole": "member"})
JOINED_PLAN = happening("member.plan.created", {**ABOUT, "planConnection": FREE})
CANCELED_PLAN = happening(
    "member.plan.canceled", {**ABOUT, "planConnection": {**FREE, "active": False, "status": "CANCELED"}}
)
MOVED = happening(
    "member.plan.updated",
    {
        **ABOUT,
        "planName": "Pro Monthly",
        "planConnection": PAID,
        "prevPlanConnection": FREE,
        "renewed": False,
    },
)
RENEWED = happening(
    "member.plan.updated", {**ABOUT, "planConnection": FREE, "prevPlanConnection": FREE, "renewed": True}
)
PUBLISHED = happening("post.published", {"postId": "p1", "title": "Hé"})
PING = happening("ping", {"webhookId": "whk_1", "name": "Test"})
EVERY = (
    CREATED, UPDATED, DELETED, ROLE_CHANGED, JOINED_PLAN, CANCELED_PLAN, MOVED, RENEWED, PUBLISHED, PING,
)  # fmt: skip
