"""Deleting what is over: requests that nobody finished, and grants."""

from sqlalchemy.orm import Session

from msidp.db import delete_some
from msidp.oidc.models import AuthorizationRequest, Grant


def purge_expired(session: Session, now: int) -> int:
    """Delete some of the rows that are over. Returns how many.

    Codes and refresh tokens go with their grant and not before: until then a second use of one that was
    redeemed has to be noticed.
    """
    return sum(
        delete_some(session, model, model.expires_at <= now) for model in (AuthorizationRequest, Grant)
    )
