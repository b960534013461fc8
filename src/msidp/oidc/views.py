"""Applications as the Admin API shows them."""

from typing import Any

from msidp import clock
from msidp.oidc.models import Application


def application_json(application: Application) -> dict[str, Any]:
    """One application, without its secret."""
    return {
        "id": application.id,
        "clientId": application.client_id,
        "name": application.name,
        "type": application.type,
        "redirectUris": application.redirect_uris,
        "postLogoutRedirectUris": application.post_logout_redirect_uris,
        "backchannelLogoutUri": application.backchannel_logout_uri,
        "tokenEndpointAuthMethod": application.token_endpoint_auth_method,
        "grantTypes": application.grant_types,
        "scopes": application.scopes,
        "jwks": application.jwks,
        "jwksUri": application.jwks_uri,
        "skipConsent": application.skip_consent,
        "requirePkce": application.require_pkce,
        "signingAlgorithm": application.signing_algorithm,
        "createdAt": clock.iso(application.created_at),
        "updatedAt": clock.iso(application.updated_at),
    }
