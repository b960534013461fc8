"""An endpoint's signing secrets, in plain text: sealed in the database, opened for each attempt."""

from functools import lru_cache

from msidp.vault.fields import cipher


def context(endpoint_id: str) -> str:
    """What an endpoint's secrets are sealed under."""
    return f"webhook_endpoint:{endpoint_id}"


def open_secrets(
    endpoint_id: str, sealed: str, sealed_previous: str | None, previous_expires_at: int | None, now: int
) -> tuple[str, ...]:
    """The secrets that sign at this moment, newest first: the present one, and the one before while it lasts.

    Raises `vault.fields.CannotOpen` where the instance no longer holds the key they were sealed with.
    """
    secret = _open(endpoint_id, sealed)
    if sealed_previous is None or previous_expires_at is None or previous_expires_at <= now:
        return (secret,)
    return secret, _open(endpoint_id, sealed_previous)


@lru_cache(maxsize=4096)
def _open(endpoint_id: str, sealed: str) -> str:
    return cipher().open(sealed, context(endpoint_id))
