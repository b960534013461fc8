"""Initial access tokens (RFC 7591, section 1.2): who holds one may register applications."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.errors import NotFound
from msidp.oidc.models import InitialAccessToken
from msidp.oidc.registration.limits import Limits

PREFIX = "iat_"  # of the token, which is a secret
ID_PREFIX = "itk"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; the only moment it is known."""

    row: InitialAccessToken
    token: str


def create(
    session: Session,
    community_id: str,
    name: str,
    *,
    lifetime: int | None,
    max_uses: int | None,
    limits: Limits,
) -> NewToken:
    """Make a token that is good for `lifetime` milliseconds and so many registrations; None for no end.

    Raises Invalid for limits that are none.
    """
    limits.check()
    token, now = ids.new_token(PREFIX), clock.now()
    row = InitialAccessToken(
        id=ids.new_id(ID_PREFIX),
        community_id=community_id,
        name=name,
        token_hash=ids.hash_token(token),
        max_uses=max_uses,
        uses=0,
        limits=limits.as_row(),
        expires_at=None if lifetime is None else now + lifetime,
        created_at=now,
        revoked_at=None,
    )
    session.add(row)
    session.flush()
    return NewToken(row, token)


def is_good(session: Session, token: str) -> bool:
    """Whether the token could be used at this moment."""
    return session.scalar(select(InitialAccessToken.seq).where(_is_good(token))) is not None


def use(session: Session, token: str) -> InitialAccessToken | None:
    """Take one use of the token; None where it has none, has expired, was revoked or is no token."""
    row_id = session.scalar(
        update(InitialAccessToken)
        .where(_is_good(token))
        .values(uses=InitialAccessToken.uses + 1)
        .returning(InitialAccessToken.id)
        .execution_options(synchronize_session=False)
    )
    if row_id is None:
        return None
    return session.scalars(select(InitialAccessToken).where(InitialAccessToken.id == row_id)).one()


def revoke(session: Session, community_id: str, id_: str) -> None:
    """End a token. What was registered with it stays. Raises NotFound."""
    row = session.scalar(
        select(InitialAccessToken).where(
            InitialAccessToken.community_id == community_id,
            InitialAccessToken.id == id_,
            InitialAccessToken.revoked_at.is_(None),
        )
    )
    if row is None:
        raise NotFound("initial-access-token-not-found", "There is no such initial access token.")
    row.revoked_at = clock.now()
    session.flush()


def _is_good(token: str) -> ColumnElement[bool]:
    row = InitialAccessToken
    return and_(
        row.token_hash == ids.hash_token(token),
        row.revoked_at.is_(None),
        or_(row.expires_at.is_(None), row.expires_at > clock.now()),
        or_(row.max_uses.is_(None), row.uses < row.max_uses),
    )
