"""Dialects: how an event is named, wrapped and signed for an endpoint. One file each.

A dialect is a vocabulary of event names, an envelope and headers. Standard Webhooks' headers ride on
every delivery of every dialect.
"""

from collections.abc import Mapping, Sequence

from msidp import canonical, clock
from msidp.webhooks import signing
from msidp.webhooks.catalogue import MEMBERPAD, MEMBERSTACK, STANDARD
from msidp.webhooks.dialects import memberpad, memberstack, standard
from msidp.webhooks.dialects.base import Dialect, Happening, Message

__all__ = ["Happening", "Message", "attempt_headers", "hear"]

_DIALECTS: Mapping[str, Dialect] = {
    MEMBERSTACK: memberstack,
    MEMBERPAD: memberpad,
    STANDARD: standard,
}


def hear(dialect: str, event: Happening) -> tuple[str, bytes] | None:
    """What this dialect calls the event, and the body that tells of it; None where it has no word for it.

    The body is JSON as JavaScript writes it: a receiver that parses and re-serialises it before it
    checks the signature gets the same bytes.
    """
    heard = _DIALECTS[dialect].hear(event)
    if heard is None:
        return None
    name, envelope = heard
    return name, canonical.dumps(envelope).encode()


def attempt_headers(dialect: str, message: Message, secrets: Sequence[str], at: int) -> dict[str, str]:
    """Every header of an attempt at this moment but the endpoint's own custom ones.

    `secrets` are the endpoint's in force, newest first: `webhook-signature` carries one signature of
    each, a dialect's own header that of the newest.
    """
    speaks = _DIALECTS[dialect]
    timestamp = clock.seconds(at)
    signatures = [signing.sign(secret, message.event_id, timestamp, message.body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": speaks.USER_AGENT,
        "webhook-id": message.event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
        **speaks.own_headers(message, secrets, at, signatures),
    }
