"""Pushed authorization requests (RFC 9126): sent by the application itself, answered once.

A request is kept under the hash of its URI. Reading it changes nothing, so that a browser that loads the
page twice does no harm; the answer takes it away (FAPI 2.0 Security Profile, section 5.3.2.2).
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.oidc import lifetimes
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.models import AuthorizationRequest

PREFIX = "urn:ietf:params:oauth:request_uri:"


def store(session: Session, application_id: str, request: AuthorizeRequest) -> str:
    """Keep a checked request. Returns the URI by which a browser brings it."""
    token, now = ids.new_token(), clock.now()
    session.add(
        AuthorizationRequest(
            id_hash=ids.hash_token(token),
            application_id=application_id,
            parameters=request.as_json(),
            created_at=now,
            # It begins within its short life, and then waits for the member.
            expires_at=now + lifetimes.PUSHED_REQUEST + lifetimes.AUTHORIZATION_REQUEST,
        )
    )
    session.flush()
    return PREFIX + token


def find(session: Session, application_id: str, uri: str) -> AuthorizeRequest | None:
    """The application's request behind this URI, if it has neither been answered nor expired."""
    id_hash = ids.hash_token(uri.removeprefix(PREFIX))
    parameters = session.scalar(
        select(AuthorizationRequest.parameters).where(
            AuthorizationRequest.id_hash == id_hash,
            AuthorizationRequest.application_id == application_id,
            AuthorizationRequest.created_at > clock.now() - lifetimes.PUSHED_REQUEST,
        )
    )
    try:
        return AuthorizeRequest.from_json(parameters | {"pushed": id_hash}) if parameters else None
    except ValueError:
        return None


def take(session: Session, id_hash: str) -> bool:
    """End a request, as it is answered: true for one caller alone."""
    taken = session.execute(
        delete(AuthorizationRequest)
        .where(AuthorizationRequest.id_hash == id_hash)
        .returning(AuthorizationRequest.id_hash)
    )
    return taken.one_or_none() is not None
