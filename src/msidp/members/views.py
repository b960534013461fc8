"""Members and plan connections in Memberstack's shapes."""

from typing import Any

from msidp import clock
from msidp.members.models import Member, PlanConnection
from msidp.plans.views import number

_ACTIVE = ("ACTIVE", "TRIALING")


def member_json(member: Member, *, include_json: bool = False) -> dict[str, Any]:
    """A member as the Admin API and webhooks show it; `json` only where it is asked for.

    Beyond Memberstack's keys it has `role` and `profile` (OpenID standard claims).
    """
    view: dict[str, Any] = {
        "id": member.id,
        "auth": {
            "email": member.email,
            "hasPassword": member.password_hash is not None,
            "providers": [],
        },
        "verified": member.verified,
        "role": member.role,
        "profile": member.profile,
        "profileImage": member.profile.get("picture"),
        "loginRedirect": member.login_redirect,
        "stripeCustomerId": None,
        "createdAt": clock.iso(member.created_at),
        "lastLogin": clock.iso_or_none(member.last_login_at),
        "metaData": member.meta_data,
        "customFields": member.custom_fields,
        "permissions": [],
        "planConnections": [connection_json(connection) for connection in member.plan_connections],
        "teams": {"joinedTeams": [], "ownedTeams": []},
    }
    if include_json:
        view["json"] = member.json
    return view


def connection_json(connection: PlanConnection) -> dict[str, Any]:
    """A plan connection. The dates of its payment are in seconds since 1970, as Memberstack's are."""
    price = connection.price
    return {
        "id": connection.id,
        "active": is_active(connection),
        "status": connection.status,
        "planId": connection.plan_id,
        "planName": connection.plan.name,
        "type": "FREE" if price is None else price.type,
        "payment": None
        if price is None
        else {
            "amount": number(price.amount),
            "currency": price.currency,
            "status": "PAID" if connection.status == "ACTIVE" else "UNPAID",
            "priceId": price.id,
            "lastBillingDate": _seconds(connection.last_billing_at),
            "nextBillingDate": _seconds(connection.next_billing_at),
            "cancelAtDate": _seconds(connection.cancel_at),
        },
    }


def is_active(connection: PlanConnection) -> bool:
    """Whether the connection gives the member the plan's rights."""
    return connection.status in _ACTIVE


def display_name(member: Member) -> str:
    """What to call a member: a name from the profile, else the part of the address before the `@`."""
    profile = member.profile
    parts = [profile[claim] for claim in ("given_name", "family_name") if profile.get(claim)]
    known = profile.get("name") or " ".join(parts) or profile.get("nickname")
    return known or member.email.rpartition("@")[0]


def _seconds(moment: int | None) -> int | None:
    return None if moment is None else clock.seconds(moment)
