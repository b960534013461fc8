"""What is good once: the ids (`jti`) of client assertions and DPoP proofs, kept until they expire."""

from functools import cache

from sqlalchemy.dialects import postgresql, sqlite

from msidp import ids
from msidp.db import core_transaction
from msidp.oidc.models import SpentProof
from msidp.prepared import Core, Prepared


def spend(kind: str, owner: str, jti: str, expires_at: int) -> bool:
    """Use up one id. False where its owner used it before. In a transaction of its own: it stays used."""
    with core_transaction() as connection:
        return spend_in(connection, kind, owner, jti, expires_at)


def spend_in(connection: Core, kind: str, owner: str, jti: str, expires_at: int) -> bool:
    """The same as a part of this transaction."""
    values = {"id_hash": ids.hash_token(f"{kind}\0{owner}\0{jti}"), "expires_at": expires_at}
    return connection.one(_insert(connection.dialect), values) is not None


@cache
def _insert(dialect: str) -> Prepared:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return Prepared(insert(SpentProof).on_conflict_do_nothing().returning(SpentProof.id_hash))
