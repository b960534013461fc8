"""Resource indicators: what an access token is for (RFC 8707)."""

from collections.abc import Sequence

from authlib.oauth2 import OAuth2Error

from msidp.oidc.clients import Client


class InvalidTarget(OAuth2Error):  # type: ignore[misc]  # Authlib has no types
    """A resource that this client, or this grant, may have no token for (section 2)."""

    error = "invalid_target"

    def __init__(self) -> None:
        super().__init__(description="The resource is none that this token may be for.")


def audience(issuer: str, client: Client, asked: Sequence[str], granted: Sequence[str]) -> list[str]:
    """The `aud` of an access token.

    What is asked for, if it is of what was granted: the token is narrowed to it, and is good at userinfo
    only where the issuer is asked for too. Else all that was granted; without any resource, the provider
    and the application's own backend. Raises InvalidTarget.
    """
    if asked:
        if not {issuer, *granted}.issuperset(asked):
            raise InvalidTarget
        return list(dict.fromkeys(asked))
    return list(granted) or [issuer, client.client_id]
