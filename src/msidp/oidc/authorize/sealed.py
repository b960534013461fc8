"""Requests that wait while the member is on another page: sealed into the address of that page.

Nothing is stored for somebody who is not logged in, so that a flood of authorization requests leaves
nothing behind (see docs/decisions). The seal keeps a request from being altered or read, and ends in time.
"""

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app

from msidp import canonical, clock
from msidp.oidc import lifetimes
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.settings import Settings
from msidp.vault.fields import CannotOpen, FieldCipher

MAX_LENGTH = 38_000  # characters; what the checks let through is shorter
_CONTEXT = "authorization request"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request under its seal. `since` is when it came; a log-in after that was made for it."""

    token: str
    request: AuthorizeRequest
    since: int


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application the cipher for what anybody may have sealed, apart from that for its secrets."""
    app.extensions["msidp_request_cipher"] = FieldCipher(settings.secret_keys, "authorization requests")


def seal(request: AuthorizeRequest, since: int | None = None) -> Waiting:
    """Have a checked request wait, from now on or as before."""
    since = clock.now() if since is None else since
    text = canonical.dumps({"since": since, **request.as_json()})
    return Waiting(_cipher().seal(text, _CONTEXT), request, since)


def unseal(token: str) -> Waiting | None:
    """The request under this seal; None where it is not ours, or too old."""
    if len(token) > MAX_LENGTH:
        return None
    try:
        value: dict[str, Any] = json.loads(_cipher().open(token, _CONTEXT))
        since = value.pop("since")
        request = AuthorizeRequest.from_json(value)
    except (CannotOpen, ValueError):
        return None
    is_young = 0 <= clock.now() - since < lifetimes.AUTHORIZATION_REQUEST
    return Waiting(token, request, since) if is_young else None


def _cipher() -> FieldCipher:
    found: FieldCipher = current_app.extensions["msidp_request_cipher"]
    return found
