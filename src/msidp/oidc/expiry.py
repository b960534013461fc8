"""Deleting what is over: requests that nobody finished, grants, proofs that are no longer good anyway."""

from sqlalchemy.orm import Session

from msidp.oidc.models import AuthorizationRequest, DeviceAuthorization, Grant, SpentProof
from msidp.statements import delete_some


def purge_expired(session: Session, now: int) -> int:
    """Delete some of the rows that are over. Returns how many.

    Codes and refresh tokens go with their grant and not before: until then a second use of one that was
    redeemed has to be noticed.
    """
    models = (AuthorizationRequest, DeviceAuthorization, Grant, SpentProof)
    return sum(delete_some(session, model, model.expires_at <= now) for model in models)
