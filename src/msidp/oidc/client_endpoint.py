"""What /revoke and /introspect share with /token: the form, who calls, and how a call is refused."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from msidp import error_answers
from msidp.errors import UNREADABLE, Busy, Problem
from msidp.incoming import present_request
from msidp.oidc import client_auth
from msidp.oidc.clients import Client, clients
from msidp.oidc.server import TokenServer
from msidp.oidc.token_request import TokenRequest


def prepare(bp: Blueprint) -> None:
    """Let this blueprint's routes refuse in OAuth's words (RFC 6749, section 5.2)."""
    bp.register_error_handler(OAuth2Error, refuse)
    for kind in UNREADABLE:
        bp.register_error_handler(kind, _refuse_unreadable)
    bp.register_error_handler(Busy, _refuse_now)
    bp.register_error_handler(SQLAlchemyError, _refuse_without_database)


def read() -> tuple[Client, str]:
    """The client that calls, and the `token` that it sends.

    Raises OAuth2Error for a form or a client authentication that /token would refuse as well.
    """
    sent = TokenRequest(present_request())
    client, _ = client_auth.authenticate(clients(), sent.form, sent.authorization)
    if "token" not in sent.form:
        raise InvalidRequestError("The token is missing.")
    return client, sent.form["token"]


def refuse(error: OAuth2Error) -> Response:
    """The answer to a call that cannot be met."""
    server: TokenServer = current_app.extensions["msidp_token_server"]
    return server.handle_error_response(None, error)


def _refuse_unreadable(problem: Problem) -> Response:
    return refuse(InvalidRequestError(str(problem), status_code=problem.status))


def _refuse_now(busy: Busy) -> Response:
    response = refuse(
        OAuth2Error("Try again in a few seconds.", status_code=503, error="temporarily_unavailable")
    )
    response.headers.update(busy.headers)
    return response


def _refuse_without_database(error: SQLAlchemyError) -> Response:
    busy = error_answers.database_away(error)
    if busy is None:
        raise error
    return _refuse_now(busy)
