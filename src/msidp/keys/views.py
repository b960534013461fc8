"""Signing keys as the Admin API and the command line show them."""

from collections.abc import Sequence
from typing import Any

from msidp import clock
from msidp.keys import service
from msidp.keys.models import SigningKey


def keys_json(keys: Sequence[SigningKey], now: int) -> list[dict[str, Any]]:
    """Keys with what each does at this moment; never their private parts."""
    states = service.states(keys, now)
    return [key_json(key, states[key.kid]) for key in keys]


def key_json(key: SigningKey, status: str) -> dict[str, Any]:
    """One key."""
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "status": status,
        "createdAt": clock.iso(key.created_at),
        "activeAt": clock.iso(key.active_at),
        "retiredAt": clock.iso_or_none(key.retired_at),
    }
