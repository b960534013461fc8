"""An authorization request while it is being checked."""

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from msidp.keys.keyring import Keyring
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.clients import Client


@dataclass(slots=True)
class Draft:
    """What was sent, and what the checks have made of it. A parameter without a value counts as left out."""

    parameters: "MultiDict[str, str]"
    client: Client
    keyring: Keyring
    request: AuthorizeRequest

    def get(self, name: str) -> str | None:
        """A parameter's value."""
        return self.parameters.get(name) or None


Check = Callable[[Draft], None]
"""Fills in its part of the draft's request. Raises OAuthError."""
