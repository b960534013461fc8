"""Applications: registering, changing and removing the provider's clients."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.db import after_commit
from msidp.errors import Conflict, NotFound
from msidp.oidc import clients, defaults, fitness, kinds
from msidp.oidc.models import Application
from msidp.outbound.urls import OutboundPolicy
from msidp.webhooks import logout


def create(
    session: Session,
    community_id: str,
    name: str,
    type_: str,
    fields: dict[str, Any],
    policy: OutboundPolicy,
) -> tuple[Application, str | None]:
    """Register an application.

    `fields` are columns of the table; what is missing follows from the type and from what the community
    chose. `policy` says which addresses msidp itself may call. Returns the application and its secret (None
    where it authenticates by other means), which is never known again. Raises Invalid.
    """
    usual = kinds.defaults(type_, fields.get("security_profile")) | defaults.read(session, community_id)
    values = usual | fields
    fitness.check(type_, values, policy)
    secret = ids.new_token("cs_") if _has_secret(values["token_endpoint_auth_method"]) else None
    now = clock.now()
    application = Application(
        id=ids.new_id("apl"),
        community_id=community_id,
        client_id=ids.new_id("client"),
        name=name,
        type=type_,
        secret_hash=secret and ids.hash_token(secret),
        created_at=now,
        updated_at=now,
        **values,
    )
    session.add(application)
    _flush(session)
    return application, secret


def get(session: Session, community_id: str, id_: str) -> Application:
    """The application with this id. Raises NotFound."""
    application = session.scalar(
        select(Application).where(Application.community_id == community_id, Application.id == id_)
    )
    if application is None:
        raise NotFound("application-not-found", "There is no application with this id.")
    return application


def update(
    session: Session, application: Application, changes: dict[str, Any], policy: OutboundPolicy
) -> None:
    """Change these columns. Raises Invalid when the whole would not fit the application's type."""
    names = kinds.defaults(application.type)
    fitness.check(application.type, {name: getattr(application, name) for name in names} | changes, policy)
    for name, value in changes.items():
        setattr(application, name, value)
    if not _has_secret(application.token_endpoint_auth_method):
        application.secret_hash = None
        _end_previous_secret(application)
    application.updated_at = clock.now()
    _flush(session)
    logout.follow(session, application.id, application.backchannel_logout_uri)


def rotate_secret(session: Session, application: Application, overlap: int) -> str:
    """Give the application a new secret. The former one stays good for `overlap` milliseconds.

    Raises Conflict for an application that authenticates by other means.
    """
    if not _has_secret(application.token_endpoint_auth_method):
        method = application.token_endpoint_auth_method
        raise Conflict("no-client-secret", f"An application that authenticates by {method} has no secret.")
    secret, now = ids.new_token("cs_"), clock.now()
    _end_previous_secret(application)
    if overlap and application.secret_hash is not None:
        application.previous_secret_hash = application.secret_hash
        application.previous_secret_expires_at = now + overlap
    application.secret_hash = ids.hash_token(secret)
    application.updated_at = now
    _flush(session)
    return secret


def delete(session: Session, application: Application) -> None:
    """Remove the application and with it every grant, code and token that it got."""
    logout.follow(session, application.id, None)
    session.delete(application)
    _flush(session)


def _flush(session: Session) -> None:
    """Write a change; the clients that this process keeps are read anew once it is committed."""
    session.flush()
    after_commit(session, "clients", clients.forget_all)


def _has_secret(method: str) -> bool:
    return method.startswith("client_secret")


def _end_previous_secret(application: Application) -> None:
    application.previous_secret_hash = None
    application.previous_secret_expires_at = None
