"""Operators, invitations and keys as the Admin API shows them."""

from typing import Any

from msidp import clock
from msidp.communities.models import ApiKey
from msidp.operators.models import Operator, OperatorInvitation


def operator_json(operator: Operator, *, second_factor: bool) -> dict[str, Any]:
    """One operator."""
    return {
        "id": operator.id,
        "email": operator.email,
        "name": operator.name,
        "role": operator.role,
        "secondFactor": second_factor,
        "createdAt": clock.iso(operator.created_at),
        "lastLoginAt": clock.iso_or_none(operator.last_login_at),
    }


def invitation_json(invitation: OperatorInvitation) -> dict[str, Any]:
    """An invitation that still stands; never its link."""
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "createdAt": clock.iso(invitation.created_at),
        "expiresAt": clock.iso(invitation.expires_at),
    }


def key_json(key: ApiKey, *, maker_gone: bool) -> dict[str, Any]:
    """A key; never its secret."""
    maker = {"type": key.maker_type, "id": key.maker_id, "name": key.maker_name, "gone": maker_gone}
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "hint": key.hint,
        "createdAt": clock.iso(key.created_at),
        "createdBy": maker if key.maker_type else None,
    }
