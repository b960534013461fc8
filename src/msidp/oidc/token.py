"""POST /token."""

from flask import Blueprint, Response

from msidp import dispatch
from msidp.incoming import present_request
from msidp.oidc import client_endpoint, cors, dpop_nonces
from msidp.oidc.server import TokenServer
from msidp.present import present_app

bp = Blueprint("token", __name__)
client_endpoint.prepare(bp)
cors.allow_applications(bp)
dpop_nonces.supply(bp)
dispatch.quick(bp)


@bp.post("/token")
def token() -> Response:
    """Exchange a code, a refresh token or client credentials (RFC 6749, section 3.2)."""
    server: TokenServer = present_app().extensions["msidp_token_server"]
    return server.create_token_response(present_request())
