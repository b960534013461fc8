"""Who may call the Admin API: the holder of a secret key, within its community."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, g, request

from msidp.communities import service
from msidp.communities.idempotency import idempotent
from msidp.db import core_reading, transaction
from msidp.errors import Unauthorized


@dataclass(frozen=True, slots=True)
class Caller:
    """The API key behind a request."""

    key_id: str
    community_id: str


class AdminBlueprint(Blueprint):
    """A blueprint of the Admin API: every route needs a secret key, every POST takes an Idempotency-Key."""

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.before_request(require_secret_key)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a route; a POST runs once for each Idempotency-Key."""
        if view_func is not None and "POST" in options.get("methods", ()):
            view_func = idempotent(view_func, lambda: caller().key_id)
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)


def caller() -> Caller:
    """Who calls, in a route of an AdminBlueprint."""
    found: Caller = g.caller
    return found


def default_community_id() -> str:
    """The community of pages that carry no key. There is one; it never changes, so it is read once."""
    extensions = current_app.extensions
    if "msidp_community_id" not in extensions:
        with transaction() as session:
            extensions["msidp_community_id"] = service.ensure_default(session).id
    found: str = extensions["msidp_community_id"]
    return found


def require_secret_key() -> None:
    """Let only the holder of a secret key pass. Raises Unauthorized."""
    secret = request.headers.get("X-API-KEY", "")
    if not secret.startswith("sk_"):
        raise Unauthorized("unauthorized", "Send a secret key (sk_…) in the X-API-KEY header.")
    with core_reading() as connection:
        key = service.find_api_key(connection, secret)
    if key is None:
        raise Unauthorized("unauthorized", "This secret key is unknown or was revoked.")
    g.caller = Caller(*key)
