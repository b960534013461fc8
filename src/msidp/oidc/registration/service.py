"""Registering, showing, changing and removing a client on its own behalf."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import ids
from msidp.errors import Invalid
from msidp.oidc import kinds, service, subjects
from msidp.oidc.models import Application
from msidp.oidc.registration import metadata
from msidp.oidc.registration.limits import Limits
from msidp.oidc.registration.metadata import Refused, Registration
from msidp.outbound.urls import OutboundPolicy

REGISTRATION_TOKEN_PREFIX = "rat_"  # noqa: S105  # not a token
_OURS = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


@dataclass(frozen=True, slots=True)
class Registered:
    """A client just registered; the only moment its secret and its registration token are known."""

    application: Application
    secret: str | None
    token: str


def read(
    given: Mapping[str, Any], policy: OutboundPolicy, *, default_method: str = "client_secret_basic"
) -> Registration:
    """What a client asks to be. Raises Refused. May fetch a document: no transaction may be open."""
    asked = metadata.read(given, default_method=default_method)
    uri, redirect_uris = asked.fields.get("sector_identifier_uri"), asked.fields.get("redirect_uris", [])
    try:
        subjects.check_sector(uri, redirect_uris, policy)
    except Invalid as problem:
        raise metadata.refusal(problem) from None
    return asked


def register(
    session: Session, community_id: str, asked: Registration, limits: Limits, policy: OutboundPolicy
) -> Registered:
    """Register a client (RFC 7591, section 3.1). Raises Refused."""
    asked = limits.held(asked)
    token = ids.new_token(REGISTRATION_TOKEN_PREFIX)
    try:
        application, secret = service.create(
            session, community_id, asked.name, asked.type, asked.fields, policy
        )
    except Invalid as problem:
        raise metadata.refusal(problem) from None
    application.registration_token_hash = ids.hash_token(token)
    application.registration_limits = limits.as_row()
    session.flush()
    return Registered(application, secret, token)


def find(session: Session, community_id: str, client_id: str, token: str) -> Application | None:
    """The client whose registration token this is; None for an unknown one and a wrong token alike."""
    application = session.scalar(
        select(Application).where(
            Application.community_id == community_id, Application.client_id == client_id
        )
    )
    expected = application.registration_token_hash if application else None
    right = hmac.compare_digest(ids.hash_token(token), expected or ids.hash_token("nobody's"))
    return application if right and expected is not None else None


def update(
    session: Session, application: Application, asked: Registration, policy: OutboundPolicy
) -> str | None:
    """Replace the client's metadata: what is left out is as it would be at a registration.

    What the operator alone decides stays. Returns a secret where the client needs one from now on and had
    none. Raises Refused (RFC 7592, section 2.2).
    """
    if asked.type != application.type:
        raise Refused(
            "invalid_client_metadata",
            f"A {application.type} application cannot become a {asked.type} application: register another.",
        )
    if application.registration_limits is not None:
        asked = Limits.of(application.registration_limits).held(asked, application)
    values = kinds.defaults(asked.type)
    changes = {name: values[name] for name in metadata.COLUMNS} | asked.fields
    try:
        service.update(session, application, {**changes, "name": asked.name}, policy)
    except Invalid as problem:
        raise metadata.refusal(problem) from None
    needs_secret = application.token_endpoint_auth_method.startswith("client_secret")
    if not needs_secret or application.secret_hash is not None:
        return None
    return service.rotate_secret(session, application, 0)


def check_identity(application: Application, given: Mapping[str, Any]) -> None:
    """See that a client names itself and sets nothing that is ours, before it is changed. Raises Refused."""
    if given.get("client_id") != application.client_id:
        raise Refused("invalid_client_metadata", "client_id: must be the client's own.")
    for name in _OURS:
        if name in given:
            raise Refused("invalid_client_metadata", f"{name}: is not the client's to set.")
    secret = given.get("client_secret")
    if secret is not None:
        sent = ids.hash_token(secret) if isinstance(secret, str) else ""
        if not hmac.compare_digest(sent, application.secret_hash or "-"):
            raise Refused("invalid_client_metadata", "client_secret: must be the present one.")
