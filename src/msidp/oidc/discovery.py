"""What this provider can do, for clients that configure themselves (OpenID Connect Discovery 1.0, RFC 8414).

Only what works is named.
"""

import json
from hashlib import sha256

from flask import Blueprint, Flask, Response, current_app, request

from msidp import languages
from msidp.accounts import assurance
from msidp.cross_origin import allow_everybody
from msidp.keys.pairs import ALGORITHMS
from msidp.oidc import assertions, client_auth, dpop, scopes
from msidp.oidc.authorize import response, wishes
from msidp.oidc.server import GRANT_TYPES
from msidp.settings import Settings

MAX_AGE = 300  # seconds

bp = Blueprint("discovery", __name__)
allow_everybody(bp)


def document(issuer: str) -> dict[str, object]:
    """The provider's metadata."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "end_session_endpoint": f"{issuer}/end-session",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "registration_endpoint": f"{issuer}/register",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": list(scopes.MEMBER_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": list(response.MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(client_auth.METHODS),
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "token_endpoint_auth_signing_alg_values_supported": list(assertions.ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(client_auth.METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(assertions.ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": [m for m in client_auth.METHODS if m != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": list(assertions.ALGORITHMS),
        "claim_types_supported": ["normal"],
        "acr_values_supported": list(assurance.ACRS),
        "claims_supported": ["sub", "auth_time", "acr", "amr", "sid", *sorted(scopes.ALL_CLAIMS)],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": list(wishes.PROMPTS),
        "display_values_supported": ["page", "popup"],
        "ui_locales_supported": list(languages.LANGUAGES),
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def init_app(app: Flask, settings: Settings) -> None:
    """Write the document once; nothing in it changes while the process lives."""
    metadata = document(settings.base_url)
    if settings.client_id_metadata_documents:
        metadata["client_id_metadata_document_supported"] = True
    text = json.dumps(metadata, indent=1)
    app.extensions["msidp_discovery"] = (text, sha256(text.encode()).hexdigest()[:32])


@bp.get("/.well-known/openid-configuration")
@bp.get("/.well-known/oauth-authorization-server")
def metadata() -> Response:
    """The provider's metadata."""
    text, etag = current_app.extensions["msidp_discovery"]
    response = Response(text, mimetype="application/json")
    response.set_etag(etag)
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug names its base class
