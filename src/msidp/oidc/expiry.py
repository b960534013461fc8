"""Deleting what is over: requests that nobody finished, codes, refresh tokens, grants."""

from sqlalchemy.orm import Session

from msidp.db import delete_some
from msidp.oidc.models import AuthorizationCode, AuthorizationRequest, Grant, RefreshToken


def purge_expired(session: Session, now: int) -> int:
    """Delete some of the rows that are over. Returns how many.

    A redeemed code or token stays until its expiry, for its second use has to be noticed until then.
    """
    return sum(
        delete_some(session, model, model.expires_at <= now)
        for model in (AuthorizationRequest, AuthorizationCode, RefreshToken, Grant)
    )
