"""The community's ed25519 keys, for endpoints that ask for `v1a` signatures (Standard Webhooks, asymmetric).

One key signs for all of a community's endpoints; its public half is at /.well-known/webhook-keys. After a
rotation the one before signs on beside it for a day.
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.orm import Session

from msidp import clock, db, ids
from msidp.vault.fields import cipher
from msidp.webhooks.models import WebhookKey

GRACE = clock.DAY  # in which a replaced key signs on

_IN_FORCE = (
    select(WebhookKey.id, WebhookKey.private_key)
    .where(
        WebhookKey.community_id == bindparam("community_id"),
        or_(WebhookKey.expires_at.is_(None), WebhookKey.expires_at > bindparam("now")),
    )
    .order_by(WebhookKey.seq.desc())
)


class SealedKey(NamedTuple):
    """A private key as its row holds it."""

    id: str
    private_key: str

    def open(self) -> str:
        """`whsk_…`. Raises `vault.fields.CannotOpen`."""
        return _open(self.id, self.private_key)


def ensure(session: Session, community_id: str) -> None:
    """Give the community its first key, where it has none."""
    if not published(session, community_id):
        db.lock(session, "webhook-keys")
        if not published(session, community_id):
            _create(session, community_id)


def rotate(session: Session, community_id: str) -> WebhookKey:
    """A new key. The present one signs on beside it for 24 hours; an older one ends at once."""
    db.lock(session, "webhook-keys")
    now = clock.now()
    mine = WebhookKey.community_id == community_id
    session.execute(update(WebhookKey).where(mine, WebhookKey.expires_at > now).values(expires_at=now))
    session.execute(
        update(WebhookKey).where(mine, WebhookKey.expires_at.is_(None)).values(expires_at=now + GRACE)
    )
    return _create(session, community_id)


def published(session: Session, community_id: str) -> Sequence[WebhookKey]:
    """The keys that sign at this moment, newest first."""
    live = or_(WebhookKey.expires_at.is_(None), WebhookKey.expires_at > clock.now())
    mine = select(WebhookKey).where(WebhookKey.community_id == community_id, live)
    return session.scalars(mine.order_by(WebhookKey.seq.desc())).all()


def in_force(connection: Connection, community_id: str, now: int) -> tuple[SealedKey, ...]:
    """The same, as the engine wants them."""
    rows = connection.execute(_IN_FORCE, {"community_id": community_id, "now": now})
    return tuple(map(SealedKey._make, rows.all()))


def _create(session: Session, community_id: str) -> WebhookKey:
    pair = Ed25519PrivateKey.generate()
    public = pair.public_key().public_bytes_raw()
    id_ = ids.new_id("wsk")
    private = "whsk_" + b64encode(pair.private_bytes_raw() + public).decode()
    key = WebhookKey(
        id=id_,
        community_id=community_id,
        public_key="whpk_" + b64encode(public).decode(),
        private_key=cipher().seal(private, _context(id_)),
        created_at=clock.now(),
    )
    session.add(key)
    session.flush()
    return key


@lru_cache(maxsize=64)
def _open(key_id: str, sealed: str) -> str:
    return cipher().open(sealed, _context(key_id))


def _context(key_id: str) -> str:
    return f"webhook_key:{key_id}"
