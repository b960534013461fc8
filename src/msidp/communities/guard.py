"""Who may call the Admin API: the holder of a secret key, within its community; and the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, g, request

from msidp.communities import service
from msidp.communities.idempotency import idempotent
from msidp.communities.roles import Role, allows
from msidp.db import core_reading, transaction
from msidp.errors import Forbidden, Unauthorized

# The command line calls the API within its own process, and says so in the WSGI environment. No request
# from outside can: what it carries stands there under names that begin with HTTP_.
COMMAND_LINE = "msidp.command_line"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is behind a request: an API key; without one (`key_id` is None) a user of this machine."""

    key_id: str | None
    community_id: str
    role: str
    user: str | None = None


class AdminBlueprint(Blueprint):
    """A blueprint of the Admin API: every route needs a secret key, every POST takes an Idempotency-Key.

    `needs` is the role that a key needs for its routes.
    """

    def __init__(self, name: str, import_name: str, *, needs: Role = "admin", **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.before_request(require_secret_key)
        if needs != "admin":
            self.before_request(lambda: require_role(needs))

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
    if user := request.environ.get(COMMAND_LINE):
        g.caller = Caller(None, default_community_id(), "owner", user)
        return
    secret = request.headers.get("X-API-KEY", "")
    if not secret.startswith("sk_"):
        raise Unauthorized("unauthorized", "Send a secret key (sk_…) in the X-API-KEY header.")
    with core_reading() as connection:
        key = service.find_api_key(connection, secret)
    if key is None:
        raise Unauthorized("unauthorized", "This secret key is unknown or was revoked.")
    g.caller = Caller(*key)


def require_role(role: Role) -> None:
    """Let only keys of this role pass. Raises Forbidden."""
    if not allows(caller().role, role):
        raise Forbidden("forbidden", f"This needs a key of the role {role}; this one's is {caller().role}.")
