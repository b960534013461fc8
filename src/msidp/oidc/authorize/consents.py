"""What members have allowed applications."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.oidc.models import Consent
from msidp.statements import insert_new


def allowed_scopes(session: Session, member_id: str, application_id: str) -> frozenset[str]:
    """What the member has allowed the application before."""
    scopes = session.scalar(
        select(Consent.scopes).where(Consent.member_id == member_id, Consent.application_id == application_id)
    )
    return frozenset(scopes or ())


def remember(session: Session, member_id: str, application_id: str, scopes: list[str]) -> None:
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
