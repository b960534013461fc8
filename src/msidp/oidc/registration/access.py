"""Initial access tokens (RFC 7591, section 1.2): who holds one may register applications."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.audit import service as audit
from msidp.audit.service import Actor
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
    actor: Actor,
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
        community_id=actor.community_id,
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
    audit.record(session, actor, "initial_access_token.created", row.id)
    return NewToken(row, token)


def kept(community_id: str) -> list[ColumnElement[bool]]:
    """Which tokens are listed: those that were not revoked, expired and used-up ones too."""
    return [InitialAccessToken.community_id == community_id, InitialAccessToken.revoked_at.is_(None)]


def state(row: InitialAccessToken) -> Literal["good", "expired", "used up", "revoked"]:
    """Whether a token can be used at this moment, or why not."""
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= clock.now():
        return "expired"
    return "used up" if row.max_uses is not None and row.uses >= row.max_uses else "good"


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


def revoke(session: Session, actor: Actor, id_: str) -> None:
    """End a token. What was registered with it stays. Raises NotFound."""
    mine = select(InitialAccessToken).where(*kept(actor.community_id))
    row = session.scalar(mine.where(InitialAccessToken.id == id_))
    if row is None:
        raise NotFound("initial-access-token-not-found", "There is no such initial access token.")
    row.revoked_at = clock.now()
    session.flush()
    audit.record(session, actor, "initial_access_token.revoked", id_)


def _is_good(token: str) -> ColumnElement[bool]:
    row = InitialAccessToken
    return and_(
        row.token_hash == ids.hash_token(token),
        row.revoked_at.is_(None),
        or_(row.expires_at.is_(None), row.expires_at > clock.now()),
        or_(row.max_uses.is_(None), row.uses < row.max_uses),
    )
