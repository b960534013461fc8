"""Recovery codes: ten, each good once, for members whose authenticator app is lost.

A code has 80 random bits, so that its SHA-256 is enough to keep.
"""

import secrets

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from msidp import ids
from msidp.accounts.factors.models import RecoveryCode

COUNT = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32: nothing looks like something else
_LENGTH = 16
_GROUP = 4
_MISREAD = str.maketrans("oil", "011", "- \t\r\n")


def regenerate(session: Session, member_id: str) -> list[str]:
    """New codes in place of the old ones; the only moment they are known."""
    clear(session, member_id)
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT)]
    rows = [{"code_hash": _hash(member_id, code), "member_id": member_id} for code in codes]
    session.execute(insert(RecoveryCode), rows)
    return [_written(code) for code in codes]


def use(session: Session, member_id: str, text: str) -> bool:
    """Spend a code, however its letters and groups are written; true for one caller alone."""
    code = text.lower().translate(_MISREAD)
    if len(code) != _LENGTH or not set(code) <= set(_ALPHABET):
        return False
    spent = session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.code_hash == _hash(member_id, code))
        .returning(RecoveryCode.code_hash)
        .execution_options(synchronize_session=False)
    )
    return spent.one_or_none() is not None


def count(session: Session, member_id: str) -> int:
    """How many are left."""
    statement = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.member_id == member_id)
    return session.scalar(statement) or 0


def clear(session: Session, member_id: str) -> None:
    """Make every code worthless."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.member_id == member_id))


def _hash(member_id: str, code: str) -> str:
    return ids.hash_token(f"{member_id} {code}")


def _written(code: str) -> str:
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))
