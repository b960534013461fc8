"""POST /device_authorization (RFC 8628, section 3.1): a device asks for its codes."""

import json

from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from flask import Blueprint, Response, request

from msidp import clock
from msidp.accounts import throttle
from msidp.db import core_transaction
from msidp.keys.keyring import keyring
from msidp.oidc import client_auth, client_endpoint, resources, scopes
from msidp.oidc.clients import Client, clients
from msidp.oidc.device import authorizations
from msidp.oidc.kinds import DEVICE_CODE
from msidp.oidc.token_request import TokenRequest

PATH = "/device_authorization"

bp = Blueprint("device_authorization", __name__)
client_endpoint.prepare(bp)


@bp.post(PATH)
def device_authorization() -> Response:
    """Give the device its codes (section 3.2)."""
    throttle.take(throttle.request_limits("device", request.remote_addr))
    asked = TokenRequest(request)
    client, _ = client_auth.authenticate(clients(), asked.form, asked.authorization)
    if not client.check_grant_type(DEVICE_CODE):
        raise UnauthorizedClientError("The application may not use the device grant.")
    issuer = keyring().issuer
    wanted = _scopes(client, asked.form.get("scope", ""))
    if asked.resources:
        resources.audience(issuer, client, asked.resources, client.resources)
    with core_transaction() as connection:
        device_code, user_code = authorizations.begin(connection, client, wanted, asked.resources)
    body = {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": f"{issuer}/device",
        "verification_uri_complete": f"{issuer}/device?user_code={user_code}",
        "expires_in": clock.seconds(authorizations.LIFETIME),
        "interval": authorizations.INTERVAL,
    }
    return Response(json.dumps(body), mimetype="application/json")


def _scopes(client: Client, text: str) -> list[str]:
    """As at /authorize: what the application may not have is left out."""
    wanted = client.allowed(scopes.split(text))
    if not client.check_grant_type("refresh_token"):
        wanted = [scope for scope in wanted if scope != scopes.OFFLINE_ACCESS]
    if scopes.OPENID not in wanted:
        raise InvalidScopeError("The scope must hold openid.")
    return wanted
