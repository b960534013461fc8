"""POST /introspect (RFC 7662): whether a token is good at this moment, and what it says.

For applications that authenticate. Each sees the tokens that were issued to it, and the access tokens that
are for it or for one of its resources. Of every other token it learns the same: not active.
"""

from typing import Any

from flask import Blueprint, Response
from pydantic_core import to_json
from sqlalchemy import bindparam, select

from msidp import clock, dispatch
from msidp.db import core_reading
from msidp.keys.keyring import InvalidToken, keyring
from msidp.oidc import client_auth, client_endpoint, grants, refresh_tokens, tokens
from msidp.oidc.clients import Client
from msidp.oidc.models import Grant
from msidp.oidc.subjects import subject_of
from msidp.prepared import Prepared

bp = Blueprint("introspect", __name__)
client_endpoint.prepare(bp)
dispatch.quick(bp)

_INACTIVE = {"active": False}
_grant: Any = Grant.__table__
_GRANT = Prepared(select(_grant.c.id).where(_grant.c.id == bindparam("grant"), *grants.STANDING))
_REFRESH_TOKEN = Prepared(
    select(
        _grant.c.scope,
        _grant.c.member_id,
        _grant.c.authenticated_at,
        _grant.c.refresh_issued_at,
        _grant.c.expires_at,
    ).where(*refresh_tokens.NEWEST, *grants.STANDING)
)


@bp.post("/introspect")
def introspect() -> Response:
    """Answer for one token (RFC 7662, section 2)."""
    client, token = client_endpoint.read()
    if client.public:
        raise client_auth.failed("Introspection is for applications with a secret.")
    is_refresh_token = token.startswith(refresh_tokens.PREFIX)
    found = _refresh_token(client, token) if is_refresh_token else _access_token(client, token)
    body = to_json(found or _INACTIVE)
    return Response(body, mimetype="application/json")


def _access_token(client: Client, token: str) -> dict[str, Any] | None:
    """The token's own claims; of a member's, as long as the grant behind it stands."""
    try:
        claims = keyring().verify(token, typ={tokens.ACCESS_TOKEN_TYPE})
    except InvalidToken:
        return None
    if not _may_see(client, claims):
        return None
    grant_id = claims.pop(tokens.GRANT_CLAIM, None)
    if grant_id is None:
        is_live = claims["sub"] == claims.get("client_id")  # a machine's, which nobody granted
    else:
        is_live = isinstance(grant_id, str) and _row(_GRANT, {"grant": grant_id}) is not None
    token_type = "DPoP" if "cnf" in claims else "Bearer"
    return {"active": True, "token_type": token_type, **claims} if is_live else None


def _may_see(client: Client, claims: dict[str, Any]) -> bool:
    """Whether the token is the client's own, or is for it or for a resource of its."""
    audience = claims.get("aud")
    own = {client.client_id, *client.resources}
    return claims.get("client_id") == client.client_id or (
        isinstance(audience, list) and not own.isdisjoint(audience)
    )


def _refresh_token(client: Client, token: str) -> dict[str, Any] | None:
    row = _row(_REFRESH_TOKEN, refresh_tokens.lookup(client, token))
    if row is None:
        return None
    return {
        "active": True,
        "iss": keyring().issuer,
        "sub": subject_of(client, row.member_id),
        "client_id": client.client_id,
        "scope": row.scope,
        "iat": clock.seconds(row.refresh_issued_at),
        "exp": clock.seconds(row.expires_at),
        "auth_time": clock.seconds(row.authenticated_at),
    }


def _row(statement: Prepared, parameters: dict[str, Any]) -> Any:
    with core_reading() as connection:
        return connection.one(statement, parameters | {"now": clock.now()})
