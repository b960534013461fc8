"""Log-ins and the app in Memberstack's shapes."""

from collections.abc import Sequence
from typing import Any

from msidp.branding.service import Brand
from msidp.communities.service import Site
from msidp.memberstack.tokens import Issued
from msidp.plans.models import Plan
from msidp.plans.views import plan_json


def auth_json(member: dict[str, Any], issued: Issued) -> dict[str, Any]:
    """Who is logged in now (`members.views.member_json`), and the token of it."""
    return {
        "member": member,
        "tokens": {"accessToken": issued.token, "expires": issued.expires_at, "type": "bearer"},
        "redirect": member["loginRedirect"],
    }


def app_json(site: Site, brand: Brand, plans: Sequence[Plan], base_url: str) -> dict[str, Any]:
    """The community. What msidp has nothing of is empty, so that pages which look for it find none."""
    shades = brand.on_paper
    return {
        "id": site.app_id,
        "name": brand.name,
        "mode": "live",
        "plans": [plan_json(plan) for plan in plans],
        "contentGroups": [],
        "customFields": [],
        "allowMemberSelfDelete": True,
        "captchaRequired": False,
        "authProviders": [],
        "additionalAuthMethods": {"passwordless": {"enabled": True, "isDefault": False}},
        "ssoSignupButtonURL": None,
        "isPaid": False,
        "branding": {
            "logo": base_url + brand.logo.url if brand.logo else None,
            "colors": {
                "lightMode": {
                    "primaryButton": shades.fill,
                    "primaryButtonText": shades.on_fill,
                    "links": shades.accent,
                }
            },
        },
    }


def visited_json() -> dict[str, Any]:
    """The answer to what tells of a visit: nothing of it is kept, and the browser is given no id to keep."""
    return {"sessionData": {"sessionId": None}}
