"""Requests that wait in the database while the member is on another page, and what members consented to."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.db import insert_new
from msidp.oidc import lifetimes
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.models import AuthorizationRequest, Consent


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that was stored, under the token in the address of its page."""

    token: str
    request: AuthorizeRequest
    since: int


def store(session: Session, application_id: str, request: AuthorizeRequest) -> Waiting:
    """Keep a checked request for a while."""
    token, now = ids.new_token(), clock.now()
    session.add(
        AuthorizationRequest(
            id_hash=ids.hash_token(token),
            application_id=application_id,
            parameters=request.as_json(),
            created_at=now,
            expires_at=now + lifetimes.AUTHORIZATION_REQUEST,
        )
    )
    session.flush()
    return Waiting(token, request, now)


def find(session: Session, token: str) -> Waiting | None:
    """The request that waits under this token."""
    row = session.execute(
        select(AuthorizationRequest.parameters, AuthorizationRequest.created_at).where(
            AuthorizationRequest.id_hash == ids.hash_token(token),
            AuthorizationRequest.expires_at > clock.now(),
        )
    ).one_or_none()
    return Waiting(token, AuthorizeRequest.from_json(row.parameters), row.created_at) if row else None


def take(session: Session, token: str) -> bool:
    """End the waiting: true for one caller alone."""
    taken = session.execute(
        delete(AuthorizationRequest)
        .where(AuthorizationRequest.id_hash == ids.hash_token(token))
        .returning(AuthorizationRequest.id_hash)
    )
    return taken.one_or_none() is not None


def allowed_scopes(session: Session, member_id: str, application_id: str) -> frozenset[str]:
    """What the member has allowed the application before."""
    scopes = session.scalar(
        select(Consent.scopes).where(Consent.member_id == member_id, Consent.application_id == application_id)
    )
    return frozenset(scopes or ())


def remember_consent(session: Session, member_id: str, application_id: str, scopes: list[str]) -> None:
    """Add to what the member has allowed the application."""
    values = {
        "member_id": member_id,
        "application_id": application_id,
        "scopes": scopes,
        "granted_at": clock.now(),
    }
    if insert_new(session, Consent, values, unique=("member_id", "application_id")) is not None:
        return
    consent = session.scalars(
        select(Consent)
        .where(Consent.member_id == member_id, Consent.application_id == application_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    consent.scopes = list(dict.fromkeys([*consent.scopes, *scopes]))
    consent.granted_at = clock.now()
    session.flush()
