"""Cross-origin calls to the provider's endpoints: from the origins of the applications' redirect URIs."""

from flask import Blueprint, Response, request

from msidp.cross_origin import MAX_AGE
from msidp.oidc.clients import clients


def allow_applications(bp: Blueprint) -> None:
    """Let the applications' pages read what these routes answer. No cookies are involved."""
    bp.after_request(_allow)


def _allow(response: Response) -> Response:
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is None or not clients().has_origin(origin):
        return response
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = "WWW-Authenticate, DPoP-Nonce"
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET, POST"
        headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, DPoP"
        headers["Access-Control-Max-Age"] = str(MAX_AGE)
    return response
