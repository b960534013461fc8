"""Each operation succeeds with a good request, and its answer is the documented one."""

from typing import Any

import pytest
from tests.apidocs.test_conformance import CHECKS, Instance, document, instance, operations

__all__ = ["document", "instance"]  # fixtures

CREDENTIALS = {"email": "lou@example.com", "password": "correct horse battery"}
BODIES: dict[str, Any] = {
    "POST /auth/login": CREDENTIALS,
    "POST /auth/passwordless/login": {"email": "lou@example.com", "passwordlessToken": "000000"},
    "POST /auth/passwordless/login/send": {"email": "lou@example.com"},
    "POST /auth/passwordless/signup/send": {"email": "may@example.com"},
    "POST /auth/reset-password": {"token": "none", "newPassword": "correct horse battery"},
    "POST /auth/send-reset-password-email": {"email": "lou@example.com"},
    "POST /auth/signup": {**CREDENTIALS, "email": "lee@example.com", "customFields": {"colour": "red"}},
    "POST /member": {"customFields": {"colour": "red"}},
    "POST /member-auth": {"email": "moved@example.com"},
    "POST /member/json": {"json": [1]},
    "POST /member/plans/add": {"planId": "silver"},
    "POST /member/plans/remove": {"planId": "open"},
    "POST /member/set-password": {"password": "correct horse battery"},
    "POST /api-keys": {"name": "Shop"},
    "POST /applications": {"name": "Shop", "type": "web", "redirectUris": ["https://shop.example/cb"]},
    "PATCH /applications/{applicationId}": {"name": "Renamed"},
    "POST /applications/{applicationId}/rotate-secret": {"overlap": 60},
    "POST /event-types": {"name": "invoice.sent"},
    "PATCH /event-types/{eventType}": {"description": "Somebody paid"},
    "POST /events": {"event": "invoice.paid", "data": {"amount": 5}},
    "POST /initial-access-tokens": {"name": "Partners"},
    "POST /keys/rotate": {},
    "POST /mail-tests": {"to": "vera@example.com"},
    "PUT /mail-texts/{template}/{language}": {"subject": "Hallo", "body": "Hallo {email}!\n{button}"},
    "POST /members": {"email": "bob@example.com", "password": "correct horse battery"},
    "PATCH /members/{memberId}": {"verified": True, "profile": {"name": "Ann"}},
    "POST /members/bulk": {"action": "logOut", "search": ""},
    "POST /members/{memberId}/add-plan": {"planId": "silver"},
    "PATCH /members/{memberId}/plans/{connectionId}": {"status": "TRIALING"},
    "POST /members/{memberId}/remove-plan": {"planId": "silver"},
    "POST /members/verify-token": {"token": "token"},
    "POST /members/import": {"source": "csv", "content": "email\neve@example.com\n"},
    "PATCH /operators/{operatorId}": {"role": "admin"},
    "POST /operator-invitations": {"email": "carl@example.com", "role": "viewer"},
    "PATCH /operator-policy": {"secondFactorRequired": False},
    "PATCH /community": {"name": "Club"},
    "POST /plans": {"name": "Bronze", "prices": [{"amount": 5, "currency": "usd"}]},
    "PATCH /plans/{planId}": {"description": "For everybody"},
    "PATCH /webhook-settings": {"eventRetentionDays": 30},
    "POST /webhooks": {"name": "More", "url": "https://more.example.com/", "dialect": "memberpad"},
    "PATCH /webhooks/{webhookId}": {"enabled": True},
    "POST /webhooks/{webhookId}/replay": {"since": "2020-01-01T00:00:00Z"},
    "POST /webhooks/{webhookId}/examples": {"event": "member.created"},
}
NOT_NOW = {
    "POST /auth/passwordless/login": 401,  # nobody has asked for a code
    "POST /auth/reset-password": 400,
    "POST /member/profile-image": 422,  # no JSON can be a file
    "POST /jobs/{jobId}/import": 409,  # it is no import
    "DELETE /operators/{operatorId}/factors": 409,  # there is none to take away
    "POST /deliveries/{deliveryId}/retry": 409,  # it is under way already
    "DELETE /members/{memberId}/factors/authenticator-app": 404,  # there is none to take away
}


def test_every_operation(instance: Instance, document: Any, subtests: pytest.Subtests) -> None:
    known = {
        "silver": instance.post("/plans", {"name": "Silver"})["id"],
        "open": instance.open_plan,
        "token": instance.member_token(),
    }
    instance.post("/members", CREDENTIALS)
    for operation in operations(document):
        if "{sessionId}" in operation.path:
            instance.ids["sessionId"] = instance.log_in(instance.ids["memberId"])
        ids = {name: value for name, value in instance.ids.items() if f"{{{name}}}" in operation.path}
        case = operation.Case(path_parameters=ids, **body_of(operation.label, known))
        with subtests.test(operation=operation.label):
            answer = case.call_and_validate(headers=instance.headers(operation), checks=CHECKS)
            assert answer.status_code == NOT_NOW.get(operation.label, 200), answer.content


def body_of(label: str, known: dict[str, str]) -> dict[str, Any]:
    """What the case is given of a body; names of what the walk made stand for it."""
    if label not in BODIES:
        return {}
    body = {
        name: known.get(value, value) if isinstance(value, str) else value
        for name, value in BODIES[label].items()
    }
    return {"body": body, "media_type": "application/json"}
