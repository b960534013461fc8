"""Who may call the Client API: pages with the community's public key; as whom, by a member's session token.

The public key says which community is meant and is no secret. The member is who the bearer token says, never
who the browser's cookies say: another site's page can have no more done than a program anywhere could.
"""

import re
from typing import Any

from flask import Blueprint, Response, g, request

from msidp import negotiation
from msidp.accounts.guard import is_fresh
from msidp.accounts.sessions import Login
from msidp.communities import service
from msidp.communities.guard import default_community_id
from msidp.communities.service import Site
from msidp.cross_origin import allow
from msidp.db import core_reading
from msidp.errors import Forbidden, Unauthorized
from msidp.keys.keyring import InvalidToken
from msidp.memberstack import tokens
from msidp.words import words

TAGS = ["client API"]
PUBLIC: dict[str, list[str]] = {"publicKey": []}
AS_MEMBER: dict[str, list[str]] = {"publicKey": [], "memberToken": []}

_KEY = re.compile(r"pk_[A-Za-z0-9_-]{1,100}")
_ORIGIN = re.compile(r"[!-~]{1,300}")  # what is sent back as a header
_METHODS = "GET, POST, DELETE"
_HEADERS = "Authorization, Content-Type, Referring-Path, X-API-Key, X-App-Id, X-Session-Id, X-User-Agent"


class ClientBlueprint(Blueprint):
    """A blueprint of the Client API: every route needs a public key, and may be read by other origins."""

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.before_request(negotiation.translate_problems)
        self.before_request(_require_public_key)
        self.after_request(_share)


def site() -> Site:
    """The community that is called, in a route of a ClientBlueprint."""
    found: Site = g.site
    return found


def current_login() -> Login | None:
    """Whose token the request carries; None for none that is good."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        return tokens.verify(site(), token.strip())[0]
    except InvalidToken:
        return None


def require_login() -> Login:
    """The same. Raises Unauthorized (`login-required`)."""
    login = current_login()
    if login is None:
        raise Unauthorized("login-required", words("Please sign in"))
    return login


def require_fresh(login: Login) -> None:
    """Let what could be turned against the member be done just after a log-in alone. Raises Forbidden.

    Whoever found an open page, or read its token, is no longer there ten minutes later.
    """
    if not is_fresh(login):
        raise Forbidden("login-required", words("Your sign-in is too old for this. Please sign in again."))


def _require_public_key() -> None:
    """Raises Unauthorized. A preflight carries no key: what this community allows goes for it."""
    key = request.headers.get("X-API-Key", "")
    with core_reading() as connection:
        found = service.find_site(connection, key) if _KEY.fullmatch(key) else None
    if found is not None:
        g.site = found
        return
    community_id = default_community_id()
    with core_reading() as connection:
        g.site = service.site_of(connection, community_id)
    if request.method != "OPTIONS":
        raise Unauthorized("unauthorized", "Send the community's public key (pk_…) in the X-API-Key header.")


def _share(response: Response) -> Response:
    """Let the page that asks read the answer, where its origin may; also what was refused before that."""
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin", "")
    origins = site().origins if "site" in g else ()
    if not _ORIGIN.fullmatch(origin) or (origins and origin not in origins):
        return response
    response.headers["Access-Control-Allow-Credentials"] = "true"  # the package asks with them; none is read
    response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
    return allow(response, origin, _METHODS, _HEADERS)
