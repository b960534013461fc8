"""Webhooks of every dialect, signed by the reference library of Standard Webhooks."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(32)).decode()
MEMBERSTACK = {
    "event": "member.updated",
    "timestamp": 1633486880169,
    "payload": {"id": "mem_1", "auth": {"email": "jörg@example.com"}},
    "reason": ["customFields.updated"],
}
MEMBERPAD = {
    "event": "member.joined",
    "timestamp": "2026-03-28T14:30:00Z",
    "communityId": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "data": {"memberId": "mem_1"},
}
STANDARD = {"type": "member.created", "timestamp": "2026-03-28T14:30:00.000Z", "data": {"id": "mem_1"}}


def body_of(envelope: Any) -> bytes:
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def signed(
    body: bytes,
    family: str = "webhook",
    secret: str = SECRET,
    at: float | None = None,
    event_id: str = "evt_1",
) -> dict[str, str]:
    """Headers as standardwebhooks makes them."""
    moment = datetime.fromtimestamp(int(time.time() if at is None else at), UTC)
    signature = Webhook(secret).sign(event_id, moment, body.decode())
    return {
        f"{family}-id": event_id,
        f"{family}-timestamp": str(int(moment.timestamp())),
        f"{family}-signature": signature,
    }
