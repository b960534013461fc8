"""Rotating keys: asked for by an operator, or by the calendar."""

from collections.abc import Collection, Sequence

from msidp import clock
from msidp.audit import service as audit
from msidp.communities.guard import default_community_id
from msidp.db import after_commit, reading, transaction
from msidp.keys import service
from msidp.keys.keyring import keyring
from msidp.keys.models import SigningKey
from msidp.keys.pairs import generate
from msidp.keys.service import Rotation
from msidp.vault.fields import cipher


def rotate(algorithms: Collection[str], manner: Rotation, actor: audit.Actor) -> list[SigningKey]:
    """Let a new key follow the present one of each algorithm, and say so in the audit log.

    Returns the keys that are next to sign. Where one waits already, an overlapping rotation changes nothing.
    """
    pairs = [generate(algorithm) for algorithm in algorithms]  # no transaction waits for that
    following = []
    with transaction() as session:
        for pair in pairs:
            key = service.rotate(session, cipher(), actor.community_id, pair, manner)
            following.append(key)
            if key.kid != pair.kid and manner is Rotation.OVERLAPPING:
                continue
            details = {"algorithm": key.algorithm, "manner": manner.value}
            audit.record(session, actor, "signing_key.rotated", key.kid, details)
        after_commit(session, "keys", keyring().reload)
    return following


def rotate_worn_out(days: int) -> Sequence[SigningKey]:
    """Rotate the keys that have signed for so many days; 0 for never. Any number of processes may ask."""
    if days == 0:
        return []
    community_id = default_community_id()
    with reading() as session:
        worn_out = service.worn_out(service.known(session, community_id), days * clock.DAY, clock.now())
    if not worn_out:
        return []
    return rotate(worn_out, Rotation.OVERLAPPING, audit.Actor(community_id, "system", None))
