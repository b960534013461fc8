"""POST /par: an application pushes an authorization request, and gets a URI for it (RFC 9126)."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import MultiDict

from msidp import clock
from msidp.accounts import throttle
from msidp.db import transaction
from msidp.errors import TooManyRequests
from msidp.keys.keyring import keyring
from msidp.oidc import client_auth, client_endpoint, cors, dpop, dpop_nonces, lifetimes
from msidp.oidc.authorize import checks, pushed
from msidp.oidc.authorize.draft import Draft
from msidp.oidc.authorize.errors import OAuthError, PageError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.clients import Client, clients
from msidp.oidc.token_request import TokenRequest

_AUTHENTICATION = ("client_secret", "client_assertion", "client_assertion_type")

bp = Blueprint("par", __name__)
client_endpoint.prepare(bp)
cors.allow_applications(bp)
dpop_nonces.supply(bp)


@bp.post("/par")
def push() -> tuple[Response, int]:
    """Check the request as /authorize would, and keep it for a minute."""
    sent = TokenRequest(request)
    client = _authenticate(sent)
    if "request_uri" in sent.form:
        raise InvalidRequestError("A request_uri cannot be pushed.")
    asked = _check(sent, client)
    with transaction() as session:
        uri = pushed.store(session, client.application_id, asked)
    return jsonify(request_uri=uri, expires_in=clock.seconds(lifetimes.PUSHED_REQUEST)), 201


@bp.errorhandler(OAuthError)
def _refuse(error: OAuthError) -> Response:
    return client_endpoint.refuse(OAuth2Error(error.description, status_code=400, error=error.error))


@bp.errorhandler(PageError)
def _refuse_redirect_uri(error: PageError) -> Response:
    return _refuse(OAuthError(error.error, error.advice))


@bp.errorhandler(TooManyRequests)
def _refuse_flood(problem: TooManyRequests) -> Response:
    busy = OAuth2Error("Too many requests.", status_code=429, error="temporarily_unavailable")
    response = client_endpoint.refuse(busy)
    response.headers.update(problem.headers)
    return response


def _authenticate(sent: TokenRequest) -> Client:
    """The client that pushes. One without a secret could be anybody, and is throttled."""
    client, _ = client_auth.authenticate(clients(), sent.form, sent.authorization)
    if client.public:
        throttle.take(throttle.request_limits("par", request.remote_addr))
    return client


def _check(sent: TokenRequest, client: Client) -> AuthorizeRequest:
    fields = {name: value for name, value in sent.form.items() if name not in _AUTHENTICATION}
    parameters = MultiDict([*fields.items(), *(("resource", uri) for uri in sent.resources)])
    asked = AuthorizeRequest(client.client_id, checks.find_redirect_uri(parameters, client))
    checks.check(Draft(parameters, client, keyring(), asked))
    _bind_to_key(asked)
    return asked


def _bind_to_key(asked: AuthorizeRequest) -> None:
    """A DPoP proof binds the code to its key, like `dpop_jkt` does (RFC 9449, section 10.1)."""
    proofs = request.headers.getlist("DPoP")
    if not proofs:
        return
    if len(proofs) > 1:
        raise dpop.InvalidProof("One DPoP proof is enough.")
    thumbprint = dpop.verify(proofs[0], "POST", f"{keyring().issuer}/par")
    if asked.dpop_jkt not in (None, thumbprint):
        raise dpop.InvalidProof("The proof's key is not the one of dpop_jkt.")
    asked.dpop_jkt = thumbprint
