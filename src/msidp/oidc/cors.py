"""Cross-origin calls to the provider's endpoints: from the origins of the applications' redirect URIs."""

from flask import Blueprint, Response, request

from msidp.cross_origin import allow
from msidp.oidc.clients import clients


def allow_applications(bp: Blueprint) -> None:
    """Let the applications' pages read what these routes answer. No cookies are involved."""
    bp.after_request(_allow)


def _allow(response: Response) -> Response:
    response.headers.add("Vary", "Origin")
    origin = request.environ.get("HTTP_ORIGIN")
    if origin is None or not clients().has_origin(origin):
        return response
    response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate, DPoP-Nonce"
    return allow(response, origin, "GET, POST", "Authorization, Content-Type, DPoP")
