"""Applications as the Admin API shows them."""

from typing import Any

from msidp import clock
from msidp.oidc.clients import client_of
from msidp.oidc.models import Application


def application_json(application: Application) -> dict[str, Any]:
    """One application, without its secret. What its type and profile demand is said to be in force."""
    client = client_of(application)
    return {
        "id": application.id,
        "clientId": application.client_id,
        "name": application.name,
        "type": application.type,
        "redirectUris": application.redirect_uris,
        "postLogoutRedirectUris": application.post_logout_redirect_uris,
        "backchannelLogoutUri": application.backchannel_logout_uri,
        "backchannelLogoutSessionRequired": application.backchannel_logout_session_required,
        "tokenEndpointAuthMethod": application.token_endpoint_auth_method,
        "grantTypes": application.grant_types,
        "scopes": application.scopes,
        "resources": application.resources,
        "jwks": application.jwks,
        "jwksUri": application.jwks_uri,
        "skipConsent": application.skip_consent,
        "requirePkce": client.require_pkce,
        "requirePushedAuthorizationRequests": client.require_par,
        "dpopBoundAccessTokens": client.require_dpop,
        "securityProfile": application.security_profile,
        "subjectType": application.subject_type,
        "sectorIdentifierUri": application.sector_identifier_uri,
        "idTokenSignedResponseAlg": application.id_token_signed_response_alg,
        "accessTokenSigningAlg": application.access_token_signing_alg,
        "accessTokenLifetime": application.access_token_lifetime,
        "idTokenLifetime": application.id_token_lifetime,
        "refreshTokenLifetime": application.refresh_token_lifetime,
        "refreshTokenGrace": application.refresh_token_grace,
        "clientUri": application.client_uri,
        "logoUri": application.logo_uri,
        "policyUri": application.policy_uri,
        "tosUri": application.tos_uri,
        "previousSecretExpiresAt": clock.iso_or_none(application.previous_secret_expires_at),
        "createdAt": clock.iso(application.created_at),
        "updatedAt": clock.iso(application.updated_at),
    }
