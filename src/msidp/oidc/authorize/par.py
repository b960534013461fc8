"""POST /par: an application pushes an authorization request, and gets a URI for it (RFC 9126)."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.datastructures import MultiDict

from msidp import clock
from msidp.accounts import throttle
from msidp.db import transaction
from msidp.errors import TooManyRequests
from msidp.keys.keyring import keyring
from msidp.oidc import client_auth, client_endpoint, cors, lifetimes
from msidp.oidc.authorize import checks, pushed
from msidp.oidc.authorize.draft import Draft
from msidp.oidc.authorize.errors import OAuthError, PageError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.clients import Client, clients
from msidp.settings import Settings

_AUTHENTICATION = ("client_secret", "client_assertion", "client_assertion_type")

bp = Blueprint("par", __name__)
client_endpoint.prepare(bp)
cors.allow_applications(bp)


@bp.post("/par")
def push() -> tuple[Response, int]:
    """Check the request as /authorize would, and keep it for a minute."""
    parameters = _read_form()
    client = _authenticate(parameters)
    if "request_uri" in parameters:
        raise InvalidRequestError("A request_uri cannot be pushed.")
    for name in _AUTHENTICATION:
        parameters.poplist(name)
    asked = _check(parameters, client)
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


def _read_form() -> "MultiDict[str, str]":
    """The parameters of the body, each once but for `resource`."""
    if request.query_string:
        raise InvalidRequestError("Parameters belong in the body, not in the address.")
    if request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidRequestError("The body must be application/x-www-form-urlencoded.")
    parameters = MultiDict(request.form)
    checks.refuse_duplicates(parameters)
    return parameters


def _authenticate(parameters: "MultiDict[str, str]") -> Client:
    """The client that pushes. One without a secret could be anybody, and is throttled."""
    form = {name: value for name, value in parameters.items() if value}
    client, _ = client_auth.authenticate(clients(), form, request.headers.get("Authorization"))
    settings: Settings = current_app.extensions["msidp_settings"]
    if client.public and settings.rate_limits:
        limits = throttle.request_limits("par", request.remote_addr)
        throttle.check(limits)
        throttle.record(limits)
    return client


def _check(parameters: "MultiDict[str, str]", client: Client) -> AuthorizeRequest:
    asked = AuthorizeRequest(client.client_id, checks.find_redirect_uri(parameters, client))
    checks.check(Draft(parameters, client, keyring(), asked))
    return asked
