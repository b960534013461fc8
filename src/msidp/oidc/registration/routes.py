"""/register: clients register themselves (RFC 7591), and look after their registration (RFC 7592)."""

import json
from typing import Any

from flask import Blueprint, Response, current_app, request
from sqlalchemy.orm import Session

from msidp.audit import service as audit
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import UNREADABLE, Problem
from msidp.keys.keyring import keyring
from msidp.oidc import service
from msidp.oidc.models import Application
from msidp.oidc.registration import access, metadata
from msidp.oidc.registration import service as registration
from msidp.oidc.registration.limits import Limits
from msidp.oidc.registration.metadata import Refused
from msidp.outbound.urls import OutboundPolicy

_PLAIN = frozenset(map(chr, (0x20, 0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))))  # RFC 6749, section 5.2

bp = Blueprint("registration", __name__, url_prefix="/register")


class _Unauthorized(Exception):
    """No token, or one that does not open this (RFC 6750, section 3)."""


@bp.post("")
def register() -> Response:
    """Register a client for the holder of an initial access token. The secret is in this answer alone."""
    token = _bearer_token()
    with reading() as session:
        if not access.is_good(session, token):
            raise _Unauthorized
    asked = registration.read(_body(), _policy())
    with transaction() as session:
        used = access.use(session, token)
        if used is None:
            raise _Unauthorized
        limits = Limits.of(used.limits)
        made = registration.register(session, used.community_id, asked, limits, _policy())
        _note(session, made.application, "registered", {"initialAccessTokenId": used.id})
        return _answer(made.application, made.token, secret=made.secret, status=201)


@bp.get("/<client_id>")
def show(client_id: str) -> Response:
    """Show a client its registration."""
    token = _bearer_token()
    with reading() as session:
        return _answer(_find(session, client_id, token), token)


@bp.put("/<client_id>")
def change(client_id: str) -> Response:
    """Replace a client's metadata."""
    token = _bearer_token()
    with reading() as session:
        application = _find(session, client_id, token)
    registration.check_identity(application, _body())
    asked = registration.read(_body(), _policy())
    with transaction() as session:
        application = _find(session, client_id, token)
        secret = registration.update(session, application, asked, _policy())
        _note(session, application, "updated", {"by": "client"})
        return _answer(application, token, secret=secret)


@bp.delete("/<client_id>")
def remove(client_id: str) -> Response:
    """Remove a client. What it was granted ends with it."""
    token = _bearer_token()
    with transaction() as session:
        application = _find(session, client_id, token)
        _note(session, application, "deleted", {"by": "client"})
        service.delete(session, application)
    return Response(status=204)


@bp.errorhandler(Refused)
def _refuse(refused: Refused) -> Response:
    return _error(refused.error, refused.description, 400)


@bp.errorhandler(_Unauthorized)
def _refuse_token(_error_: _Unauthorized) -> Response:
    response = _error("invalid_token", "The token is missing, unknown, used up, expired or revoked.", 401)
    has_token = request.headers.get("Authorization") is not None
    response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if has_token else "Bearer"
    return response


def _refuse_unreadable(problem: Problem) -> Response:
    return _error("invalid_client_metadata", problem.message, problem.status)


for _kind in UNREADABLE:
    bp.register_error_handler(_kind, _refuse_unreadable)


def _error(error: str, description: str, status: int) -> Response:
    plain = "".join(character for character in description if character in _PLAIN)[:300]
    return _json({"error": error, "error_description": plain}, status)


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _Unauthorized
    return token.strip()


def _body() -> dict[str, Any]:
    body: dict[str, Any] = request.get_json()
    return body


def _find(session: Session, client_id: str, token: str) -> Application:
    application = registration.find(session, default_community_id(), client_id, token)
    if application is None:
        raise _Unauthorized
    return application


def _note(session: Session, application: Application, what: str, details: dict[str, Any]) -> None:
    actor = audit.Actor(application.community_id, "system", None, request.remote_addr)
    audit.record(session, actor, f"application.{what}", application.id, details)


def _answer(
    application: Application, token: str, *, secret: str | None = None, status: int = 200
) -> Response:
    """RFC 7591, section 3.2.1. A secret is known when it is made and never again: it is stored as a hash."""
    body = metadata.write(application) | {
        "registration_access_token": token,
        "registration_client_uri": f"{keyring().issuer}/register/{application.client_id}",
    }
    if secret is not None:
        body |= {"client_secret": secret, "client_secret_expires_at": 0}
    return _json(body, status)


def _json(body: dict[str, Any], status: int) -> Response:
    response = Response(json.dumps(body, separators=(",", ":")), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _policy() -> OutboundPolicy:
    return OutboundPolicy.of(current_app.extensions["msidp_settings"])
