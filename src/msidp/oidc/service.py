"""Applications: registering, changing and removing the provider's clients."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.errors import Conflict, NotFound
from msidp.oidc import kinds
from msidp.oidc.models import Application
from msidp.outbound.urls import OutboundPolicy


def create(
    session: Session,
    community_id: str,
    name: str,
    type_: str,
    fields: dict[str, Any],
    policy: OutboundPolicy,
) -> tuple[Application, str | None]:
    """Register an application.

    `fields` are columns of the table; what is missing follows from the type. `policy` says which addresses
    msidp itself may call. Returns the application
    and its secret (None for a public one), which is never known again. Raises Invalid.
    """
    values = kinds.defaults(type_) | fields
    kinds.check(type_, values, policy)
    secret = None if kinds.KINDS[type_].public else ids.new_token("cs_")
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
    session.flush()
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
    kinds.check(application.type, {name: getattr(application, name) for name in names} | changes, policy)
    for name, value in changes.items():
        setattr(application, name, value)
    application.updated_at = clock.now()
    session.flush()


def rotate_secret(session: Session, application: Application) -> str:
    """Give the application a new secret; the old one ends at once. Raises Conflict for a public one."""
    if application.secret_hash is None:
        raise Conflict("no-client-secret", f"A {application.type} application has no secret.")
    secret = ids.new_token("cs_")
    application.secret_hash = ids.hash_token(secret)
    application.updated_at = clock.now()
    session.flush()
    return secret


def delete(session: Session, application: Application) -> None:
    """Remove the application and with it every grant, code and token that it got."""
    session.delete(application)
    session.flush()
