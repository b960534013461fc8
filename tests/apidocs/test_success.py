"""Each operation of the Admin API succeeds with a good request, and its answer is the documented one."""

import time
from typing import Any

import pytest
from tests.apidocs.test_conformance import CHECKS, Instance, document, instance, operations

from msidp import db
from msidp.communities import service as communities
from msidp.keys.keyring import keyring
from msidp.settings import Settings

__all__ = ["document", "instance"]  # fixtures

BODIES: dict[str, Any] = {
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
    "POST /jobs/{jobId}/import": 409,  # it is no import
    "DELETE /operators/{operatorId}/factors": 409,  # there is none to take away
    "POST /deliveries/{deliveryId}/retry": 409,  # it is under way already
    "DELETE /members/{memberId}/factors/authenticator-app": 404,  # there is none to take away
}


def test_every_operation(instance: Instance, document: Any, subtests: pytest.Subtests) -> None:
    known = {
        "silver": instance.post("/plans", {"name": "Silver"})["id"],
        "token": session_token(instance),
    }
    for operation in operations(document):
        if "{sessionId}" in operation.path:
            instance.ids["sessionId"] = instance.log_in(instance.ids["memberId"])
        ids = {name: value for name, value in instance.ids.items() if f"{{{name}}}" in operation.path}
        case = operation.Case(path_parameters=ids, **body_of(operation.label, known))
        with subtests.test(operation=operation.label):
            answer = case.call_and_validate(headers={"X-API-KEY": instance.secret_key}, checks=CHECKS)
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


def session_token(instance: Instance) -> str:
    """A member session token of the instance's member."""
    with instance.app.app_context():
        settings: Settings = instance.app.extensions["msidp_settings"]
        with db.transaction() as session:
            audience = communities.ensure_default(session).app_id
        now = int(time.time())
        claims = {
            "id": instance.ids["memberId"],
            "type": "member",
            "iat": now,
            "exp": now + 60,
            "aud": audience,
            "iss": settings.member_token_issuer,
        }
        return keyring().sign(claims, typ="JWT")
