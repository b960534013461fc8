"""Initial access tokens over the Admin API."""

from typing import Annotated, Any

from pydantic import Field

from msidp import clock
from msidp.api import (
    Answer,
    Data,
    Deleted,
    Name,
    Page,
    PageQuery,
    Schema,
    Text,
    answers,
    api,
    page_json,
    paginate,
)
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.oidc.models import InitialAccessToken
from msidp.oidc.registration import access
from msidp.oidc.registration.limits import Limits
from msidp.oidc.registration.views import token_json
from msidp.oidc.schemas import GrantType

bp = AdminBlueprint("initial_access_tokens", __name__, url_prefix="/initial-access-tokens")
TAGS = ["applications"]
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


@bp.post("")
@api.validate(resp=answers(Data[InitialAccessTokenWithToken]), tags=TAGS)
def create(json: NewInitialAccessToken) -> dict[str, Any]:
    """Make a token with which applications register themselves at `/register`. It is shown this once."""
    lifetime = None if json.expires_in is None else json.expires_in * clock.SECOND
    with transaction() as session:
        made = access.create(
            session,
            caller().community_id,
            json.name,
            lifetime=lifetime,
            max_uses=json.max_uses,
            limits=Limits(json.grant_types, json.scopes, json.redirect_hosts),
        )
        audit.record(session, key_holder(), "initial_access_token.created", made.row.id)
        return {"data": {**token_json(made.row), "token": made.token}}


@bp.get("")
@api.validate(resp=answers(Page[InitialAccessTokenAnswer]), tags=TAGS)
def list_(query: PageQuery) -> dict[str, Any]:
    """List the initial access tokens that were not revoked, expired and used-up ones too."""
    with reading() as session:
        mine = [
            InitialAccessToken.community_id == caller().community_id,
            InitialAccessToken.revoked_at.is_(None),
        ]
        rows, frame = paginate(session, InitialAccessToken, mine, query)
        return page_json(rows, frame, token_json)


@bp.delete("/<token_id>")
@api.validate(resp=answers(Data[Deleted], 404), tags=TAGS)
def revoke(token_id: str) -> dict[str, Any]:
    """Revoke an initial access token. What was registered with it stays."""
    with transaction() as session:
        access.revoke(session, caller().community_id, token_id)
        audit.record(session, key_holder(), "initial_access_token.revoked", token_id)
    return {"data": {"id": token_id}}
