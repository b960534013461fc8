"""Member session tokens: how Memberstack's own packages know who is logged in.

A token is a JWT with the claims {id, sub, type: "member", iat, exp, aud: "app_…", iss}. Its issuer is a
setting of its own (MSIDP_MEMBER_TOKEN_ISSUER).
"""

from typing import Any

from flask import current_app

from msidp.errors import BadRequest
from msidp.keys.keyring import InvalidToken, keyring
from msidp.settings import Settings

TYP = "JWT"
_CLAIMS = ("id", "type", "iat", "exp", "aud", "iss")


def verify(token: str, app_id: str) -> dict[str, Any]:
    """What a token of this app says. Raises BadRequest (`INVALID_TOKEN`, Memberstack's own code)."""
    settings: Settings = current_app.extensions["msidp_settings"]
    try:
        claims = keyring().verify(token, typ=[TYP], audience=app_id, issuer=settings.member_token_issuer)
    except InvalidToken:
        raise invalid() from None
    if claims.get("type") != "member" or not claims.keys() >= set(_CLAIMS):
        raise invalid()
    return {claim: claims[claim] for claim in _CLAIMS}


def invalid() -> BadRequest:
    """What is said of a token that is not good."""
    return BadRequest("INVALID_TOKEN", "This is not a valid member session token, or it has expired.")
