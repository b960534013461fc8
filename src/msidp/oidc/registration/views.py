"""Initial access tokens as the Admin API and the command line show them."""

from typing import Any

from msidp import clock
from msidp.oidc.models import InitialAccessToken
from msidp.oidc.registration.limits import Limits


def token_json(row: InitialAccessToken) -> dict[str, Any]:
    """One token's row; the token itself is stored as a hash."""
    limits = Limits.of(row.limits)
    return {
        "id": row.id,
        "name": row.name,
        "maxUses": row.max_uses,
        "uses": row.uses,
        "grantTypes": limits.grant_types,
        "scopes": limits.scopes,
        "redirectHosts": limits.redirect_hosts,
        "expiresAt": clock.iso_or_none(row.expires_at),
        "createdAt": clock.iso(row.created_at),
    }
