"""POST /revoke (RFC 7009): an application gives back what it was granted.

A refresh token or an access token ends the member's whole grant, so that nothing issued on it is good
any more. Which of the two it is shows in the token itself: `token_type_hint` is passed over.
"""

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response

from msidp import dispatch
from msidp.db import core_transaction
from msidp.keys.keyring import InvalidToken, keyring
from msidp.oidc import client_endpoint, cors, grants, refresh_tokens, tokens
from msidp.oidc.clients import Client

bp = Blueprint("revoke", __name__)
cors.allow_applications(bp)
client_endpoint.prepare(bp)
dispatch.quick(bp)


@bp.post("/revoke")
def revoke() -> Response:
    """End the grant behind the token.

    A token that is unknown, over, or another client's changes nothing, and the answer is the same: 200
    (RFC 7009, section 2.2).
    """
    client, token = client_endpoint.read()
    if token.startswith(refresh_tokens.PREFIX):
        with core_transaction() as connection:
            refresh_tokens.revoke(connection, client, token)
    else:
        _revoke_by_access_token(client, token)
    done = Response(status=200)
    del done.headers["Content-Type"]  # there is no content; oidc-client-ts takes text/html for a mistake
    return done


def _revoke_by_access_token(client: Client, token: str) -> None:
    try:
        claims = keyring().verify(token, typ={tokens.ACCESS_TOKEN_TYPE})
    except InvalidToken:
        return
    if claims.get("client_id") != client.client_id:
        return
    grant_id = claims.get(tokens.GRANT_CLAIM)
    if not isinstance(grant_id, str):
        description = "An access token by client credentials cannot be revoked. It expires."
        raise OAuth2Error(description, error="unsupported_token_type")  # RFC 7009, section 2.2.1
    with core_transaction() as connection:
        grants.revoke_by_client(connection, client, grant_id)
