"""POST /members/verify-token: member session tokens over the Admin API."""

from typing import Annotated, Any, Literal

from pydantic import Field

from msidp.api import Answer, Data, Schema, answers, api
from msidp.communities import service as communities
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import core_reading
from msidp.keys.keyring import InvalidToken
from msidp.memberstack import tokens

bp = AdminBlueprint("member_tokens", __name__, url_prefix="/members")


class TokenInput(Schema):
    token: Annotated[str, Field(max_length=20_000)]


class SessionToken(Answer):
    """What a member session token says. Moments are in seconds since 1970."""

    id: str
    type: Literal["member"]
    iat: int
    exp: int
    aud: str
    iss: str


@bp.post("/verify-token")
@api.validate(resp=answers(Data[SessionToken]), tags=["members"])
def verify_token(json: TokenInput) -> dict[str, Any]:
    """Verify a member session token: 400 `INVALID_TOKEN` unless it is good, and its session still there."""
    with core_reading() as connection:
        site = communities.site_of(connection, caller().community_id)
    try:
        _, claims = tokens.verify(site, json.token)
    except InvalidToken:
        raise tokens.invalid() from None
    return {"data": claims}
