"""An endpoint's signing secrets, in plain text: sealed in the database, opened for each attempt."""

from functools import lru_cache

from msidp.vault.fields import cipher


def seal(endpoint_id: str, secret: str) -> str:
    """The secret as the endpoint's row holds it."""
    return cipher().seal(secret, _context(endpoint_id))


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
    return cipher().open(sealed, _context(endpoint_id))


def _context(endpoint_id: str) -> str:
    return f"webhook_endpoint:{endpoint_id}"
