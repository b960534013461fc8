"""Signing keys in the table: made, rotated, published, forgotten.

A key's life: it is published; `AHEAD` later it signs; when its successor signs, it stays published for
`KEPT_AFTER`, until the last token it signed has expired; then its private part is erased, and the public
one verifies id_token_hints for `HINTS_AFTER` more. Every algorithm has its own line of keys from the first
start on, so that the choice of an application never makes a key that the world's caches do not know.
"""

from collections.abc import Iterable
from enum import Enum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from msidp import clock
from msidp.db import lock
from msidp.keys.models import SigningKey
from msidp.keys.pairs import ALGORITHMS, KeyPair, generate
from msidp.statements import delete_some
from msidp.vault.fields import FieldCipher

AHEAD = clock.DAY  # /jwks may be kept for 5 minutes; some gateways keep it for hours all the same
LONGEST_TOKEN = clock.DAY  # no token that we sign is good for longer
KEPT_AFTER = LONGEST_TOKEN + clock.HOUR  # the hour is for clocks that differ
HINTS_AFTER = 30 * clock.DAY  # as long as a session can last


class Rotation(Enum):
    """How a new key takes over from the present one."""

    OVERLAPPING = "overlapping"  # published now, signs in a day
    NOW = "now"  # signs at once; verifiers that keep an old JWKS have to ask again
    REVOKING = "revoking"  # the same, and the present keys verify nothing any more: one has leaked


def ensure(session: Session, cipher: FieldCipher, community_id: str) -> None:
    """Give the community a first key for every algorithm that has none."""
    lock(session, "keys")
    present = {key.algorithm for key in published(known(session, community_id), clock.now())}
    for algorithm in ALGORITHMS:
        if algorithm not in present:
            _add(session, cipher, community_id, generate(algorithm), clock.now())


def rotate(
    session: Session, cipher: FieldCipher, community_id: str, pair: KeyPair, manner: Rotation
) -> SigningKey:
    """Let a new key follow those of the pair's algorithm. Returns the key that is the next to sign.

    Where a key waits for its turn already, it is that one, and the pair is not used: two who rotate at
    once make one key. When revoking, all but the new pair are forgotten.
    """
    lock(session, "keys")
    now = clock.now()
    mine = [key for key in published(known(session, community_id), now) if key.algorithm == pair.algorithm]
    staying = [key for key in mine if key.retired_at is None]
    if manner is Rotation.REVOKING:
        _forget(session, community_id, pair.algorithm)
        return _add(session, cipher, community_id, pair, now)
    following = next((key for key in staying if key.active_at > now), None)
    if following is None:
        active_at = now + AHEAD if manner is Rotation.OVERLAPPING and staying else now
        following = _add(session, cipher, community_id, pair, active_at)
    elif manner is Rotation.NOW:
        following.active_at = now
    ends = following.active_at + KEPT_AFTER
    for key in mine:
        if key is not following and (key.retired_at is None or key.retired_at > ends):
            key.retired_at = ends
    session.flush()
    return following


def worn_out(keys: Iterable[SigningKey], every: int, now: int) -> list[str]:
    """The algorithms whose key has signed for `every` milliseconds, less the day its successor waits."""
    latest = {key.algorithm: key for key in published(keys, now)}  # the last one stays
    return [name for name, key in latest.items() if key.active_at + every - AHEAD <= now]


def known(session: Session, community_id: str) -> list[SigningKey]:
    """Every key of the table, in order of their turn to sign."""
    statement = select(SigningKey).where(SigningKey.community_id == community_id)
    return list(session.scalars(statement.order_by(SigningKey.active_at, SigningKey.kid)))


def published(keys: Iterable[SigningKey], now: int) -> list[SigningKey]:
    """Of these, those that are in the JWKS at this moment."""
    return [key for key in keys if key.retired_at is None or key.retired_at > now]


def states(keys: Iterable[SigningKey], now: int) -> dict[str, str]:
    """What each key does at this moment, by kid.

    `next`: published, waits for its turn; `active`: signs; `retiring`: published for the tokens it signed;
    `retired`: verifies hints alone.
    """
    found: dict[str, str] = {}
    signing: dict[str, str] = {}
    for key in keys:
        if key.retired_at is not None and key.retired_at <= now:
            found[key.kid] = "retired"
        elif key.active_at > now:
            found[key.kid] = "next"
        else:
            if key.algorithm in signing:
                found[signing[key.algorithm]] = "retiring"
            signing[key.algorithm] = key.kid
            found[key.kid] = "active"
    return found


def purge_expired(session: Session, now: int) -> int:
    """Erase the private parts of retired keys, and forget those whose tokens serve as no hint any more.

    Returns how many keys were forgotten.
    """
    session.execute(
        update(SigningKey)
        .where(SigningKey.retired_at <= now, SigningKey.private_pem != "")
        .values(private_pem="")
    )
    return delete_some(session, SigningKey, SigningKey.retired_at <= now - HINTS_AFTER)


def private_context(kid: str) -> str:
    """The context under which this key's private part is sealed."""
    return f"signing_key:{kid}"


def _add(
    session: Session, cipher: FieldCipher, community_id: str, pair: KeyPair, active_at: int
) -> SigningKey:
    key = SigningKey(
        kid=pair.kid,
        community_id=community_id,
        algorithm=pair.algorithm,
        public_jwk=pair.public_jwk,
        private_pem=cipher.seal(pair.private_pem, private_context(pair.kid)),
        created_at=clock.now(),
        active_at=active_at,
        retired_at=None,
    )
    session.add(key)
    session.flush()
    return key


def _forget(session: Session, community_id: str, algorithm: str) -> None:
    for key in known(session, community_id):
        if key.algorithm == algorithm:
            session.delete(key)
    session.flush()
