"""Dialects: how an event is named, wrapped and signed for an endpoint. One file each.

A dialect is a vocabulary of event names, an envelope and headers. Standard Webhooks' headers ride on
every delivery of every dialect.
"""

from collections.abc import Mapping, Sequence

from msidp import canonical
from msidp.webhooks.catalogue import LOGOUT, MEMBERPAD, MEMBERSTACK, MEMBERSTACK_ADDED, STANDARD
from msidp.webhooks.dialects import logout, memberpad, memberstack, memberstack_added, standard
from msidp.webhooks.dialects.base import Dialect, Happening, Message, Prepared

__all__ = ["Happening", "Message", "Prepared", "hear", "prepare"]

_DIALECTS: Mapping[str, Dialect] = {
    MEMBERSTACK: memberstack,
    MEMBERPAD: memberpad,
    STANDARD: standard,
    LOGOUT: logout,
    MEMBERSTACK_ADDED: memberstack_added,
}


def hear(dialect: str, event: Happening) -> tuple[str, bytes] | None:
    """What this dialect calls the event, and the body that tells of it; None where it has no word for it.

    The body is JSON as JavaScript writes it: a receiver that parses and re-serialises it before it
    checks the signature gets the same bytes.
    """
    heard = _DIALECTS[dialect].hear(event) if event.type != LOGOUT else None  # an application's affair
    if heard is None:
        return None
    name, envelope = heard
    return name, canonical.dumps(envelope).encode()


def prepare(dialect: str, message: Message, secrets: Sequence[str], at: int) -> Prepared:
    """An attempt at this moment: its headers, less the endpoint's own custom ones, and its body.

    `secrets` are the endpoint's in force, newest first: `webhook-signature` carries one signature of
    each, a dialect's own header that of the newest.
    """
    return _DIALECTS[dialect].prepare(message, secrets, at)
