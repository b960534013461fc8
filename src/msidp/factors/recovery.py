"""Recovery codes: ten, each good once, for whoever has lost their other factors.

A code has 80 random bits, so that its SHA-256 is enough to keep.
"""

import secrets

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from msidp import ids
from msidp.factors.models import RecoveryCodeColumns

COUNT = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32: nothing looks like something else
_LENGTH = 16
_GROUP = 4
_MISREAD = str.maketrans("oil", "011", "- \t\r\n")


class RecoveryCodes:
    """The recovery codes of one kind of account."""

    def __init__(self, model: type[RecoveryCodeColumns], owner: InstrumentedAttribute[str]) -> None:
        """`owner` is the table's column that says whose a code is."""
        self._model, self._owner = model, owner

    def regenerate(self, session: Session, owner_id: str) -> list[str]:
        """New codes in place of the old ones; the only moment they are known."""
        self.clear(session, owner_id)
        codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT)]
        rows = [{"code_hash": _hash(owner_id, code), self._owner.key: owner_id} for code in codes]
        session.execute(insert(self._model), rows)
        return [_written(code) for code in codes]

    def use(self, session: Session, owner_id: str, text: str) -> bool:
        """Spend a code, however its letters and groups are written; true for one caller alone."""
        code = text.lower().translate(_MISREAD)
        if len(code) != _LENGTH or not set(code) <= set(_ALPHABET):
            return False
        spent = session.execute(
            delete(self._model)
            .where(self._model.code_hash == _hash(owner_id, code))
            .returning(self._model.code_hash)
            .execution_options(synchronize_session=False)
        )
        return spent.one_or_none() is not None

    def count(self, session: Session, owner_id: str) -> int:
        """How many are left."""
        statement = select(func.count()).select_from(self._model).where(self._owner == owner_id)
        return session.scalar(statement) or 0

    def clear(self, session: Session, owner_id: str) -> None:
        """Make every code worthless."""
        session.execute(delete(self._model).where(self._owner == owner_id))


def _hash(owner_id: str, code: str) -> str:
    return ids.hash_token(f"{owner_id} {code}")


def _written(code: str) -> str:
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))
