"""GET /jwks: the public keys, for whoever verifies our tokens."""

from flask import Blueprint, Response, request

from msidp import dispatch
from msidp.cross_origin import allow_everybody
from msidp.keys.keyring import keyring

MAX_AGE = 300  # seconds a verifier may keep the set; an unknown kid makes it ask sooner

bp = Blueprint("keys", __name__)
dispatch.quick(bp)
allow_everybody(bp)


@bp.get("/jwks")
def jwks() -> Response:
    """The JWK Set (RFC 7517)."""
    document, etag = keyring().jwks_document()
    response = Response(document, mimetype="application/json")
    response.set_etag(etag)
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug names its base class
