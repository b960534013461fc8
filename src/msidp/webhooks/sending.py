"""What goes out: an endpoint's secrets and headers, opened once for many attempts, and each attempt."""

from msidp.webhooks import secrets
from msidp.webhooks.claim import Claimed, Target
from msidp.webhooks.dialects import Message, prepare

REDACTED = "(not logged)"


Attempt = tuple[list[str], bytes, dict[str, str]]
"""A request: its headers as lines, its body, and its headers as the log may show them."""


class Sender:
    """Prepares the attempts for one endpoint as it stood at the moment of a claim.

    Raises `vault.fields.CannotOpen` where its secrets cannot be opened.
    """

    def __init__(self, target: Target, now: int) -> None:
        self.target = target
        self._secrets = secrets.open_secrets(
            target.id, target.secret, target.previous_secret, target.previous_secret_expires_at, now
        ) + tuple(key.open() for key in target.signing_keys)
        self._custom = secrets.open_headers(target.id, target.headers)
        self._redacted = dict.fromkeys(self._custom, REDACTED)  # they may hold credentials

    def prepare(self, claimed: Claimed, now: int) -> Attempt:
        """The attempt at this moment. Raises CannotOpen where a logout token cannot be signed."""
        message = Message(claimed.event_id, claimed.delivery_id, claimed.name, claimed.body)
        headers, body = prepare(claimed.dialect, message, self._secrets, now)
        sent = {**self._custom, **headers} if self._custom else headers
        lines = [f"{name}: {value}" for name, value in sent.items()]
        return lines, body, {**self._redacted, **headers} if self._custom else headers
