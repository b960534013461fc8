"""Initial access tokens over the Admin API."""

from typing import Any

from msidp import clock
from msidp.api import Data, Deleted, Page, PageQuery, answers, api, page_json, paginate
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.oidc.models import InitialAccessToken
from msidp.oidc.registration import access
from msidp.oidc.registration.limits import Limits
from msidp.oidc.registration.schemas import (
    InitialAccessTokenAnswer,
    InitialAccessTokenWithToken,
    NewInitialAccessToken,
)
from msidp.oidc.registration.views import token_json

bp = AdminBlueprint("initial_access_tokens", __name__, url_prefix="/initial-access-tokens")
TAGS = ["applications"]


@bp.post("")
@api.validate(resp=answers(Data[InitialAccessTokenWithToken]), tags=TAGS)
def create(json: NewInitialAccessToken) -> dict[str, Any]:
    """Make a token with which applications register themselves at `/register`. It is shown this once."""
    lifetime = None if json.expires_in is None else json.expires_in * clock.SECOND
    with transaction() as session:
        made = access.create(
            session,
            key_holder(),
            json.name,
            lifetime=lifetime,
            max_uses=json.max_uses,
            limits=Limits(json.grant_types, json.scopes, json.redirect_hosts),
        )
        return {"data": {**token_json(made.row), "token": made.token}}


@bp.get("")
@api.validate(resp=answers(Page[InitialAccessTokenAnswer]), tags=TAGS)
def list_(query: PageQuery) -> dict[str, Any]:
    """List the initial access tokens that were not revoked, expired and used-up ones too."""
    with reading() as session:
        rows, frame = paginate(session, InitialAccessToken, access.kept(caller().community_id), query)
        return page_json(rows, frame, token_json)


@bp.delete("/<token_id>")
@api.validate(resp=answers(Data[Deleted], 404), tags=TAGS)
def revoke(token_id: str) -> dict[str, Any]:
    """Revoke an initial access token. What was registered with it stays."""
    with transaction() as session:
        access.revoke(session, key_holder(), token_id)
    return {"data": {"id": token_id}}
