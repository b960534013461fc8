"""What the Admin API takes and gives for initial access tokens."""

from typing import Annotated

from pydantic import Field

from msidp.api import Answer, Name, Schema, Text
from msidp.oidc.schemas import GrantType

DAY = 86_400
_GRANT_TYPES = "Which may be registered; null for all."
_SCOPES = "Which may be registered; null for those of OpenID. A machine's are to be named."
_HOSTS = "Where the redirect URIs may lead, without ports; null for anywhere."


class NewInitialAccessToken(Schema):
    name: Name
    expires_in: Annotated[
        int | None, Field(ge=60, le=366 * DAY, description="In seconds; null for a token that never expires.")
    ] = 7 * DAY
    max_uses: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="How many applications; null for any number.")
    ] = 1
    grant_types: Annotated[
        list[GrantType] | None, Field(min_length=1, max_length=10, description=_GRANT_TYPES)
    ] = None
    scopes: Annotated[list[Text] | None, Field(min_length=1, max_length=100, description=_SCOPES)] = None
    redirect_hosts: Annotated[list[Text] | None, Field(min_length=1, max_length=100, description=_HOSTS)] = (
        None
    )


class InitialAccessTokenAnswer(Answer):
    id: str
    name: str
    max_uses: int | None
    uses: int
    grant_types: list[str] | None
    scopes: list[str] | None
    redirect_hosts: list[str] | None
    expires_at: str | None
    created_at: str


class InitialAccessTokenWithToken(InitialAccessTokenAnswer):
    """The only answer that shows the token."""

    token: str
