"""Statements that several features need, each written once for both databases."""

from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Insert, delete, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from msidp import clock
from msidp.db import Base


def insert_new(
    session: Session, model: type[Base], values: dict[str, Any], unique: tuple[str, ...]
) -> tuple[Any, ...] | None:
    """Insert one row and return its primary key, or None where another row holds the same `unique` columns.

    One statement, safe against a race: PostgreSQL waits for the other transaction to end, and a refusal
    leaves this transaction usable.
    """
    connection = session.connection()
    row = connection.execute(_insert_new(model, connection.dialect.name, unique), values).one_or_none()
    return None if row is None else tuple(row)


@cache
def _insert_new(model: type[Base], dialect: str, unique: tuple[str, ...]) -> Insert:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    key = inspect(model).primary_key
    return insert(model).on_conflict_do_nothing(index_elements=unique).returning(*key)


def delete_some(session: Session, model: type[Base], condition: ColumnElement[bool], limit: int = 500) -> int:
    """Delete at most `limit` rows and return how many: what is deleted at once is locked at once."""
    key = inspect(model).primary_key[0]
    some = select(key).where(condition).limit(limit)
    done = session.execute(delete(model).where(key.in_(some)).execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", done).rowcount


def seq_before(
    session: Session, seq: InstrumentedAttribute[int], moment: InstrumentedAttribute[int], wanted: int
) -> int:
    """A row number below which every row is older than `wanted`; not much below, and found by a few probes.

    For tables whose rows are numbered as time goes on: give or take what a transaction lasts, for which an
    hour is allowed. It takes the place of an index on `moment`, which every insert would pay for.
    """
    low = session.scalar(select(func.min(seq))) or 0
    high = (session.scalar(select(func.max(seq))) or -1) + 1
    while low < high:
        middle = (low + high) // 2
        row, at = session.execute(select(seq, moment).where(seq >= middle).order_by(seq).limit(1)).one()
        if at < wanted - clock.HOUR:
            low = row + 1
        else:
            high = middle
    return low


def seq_after(
    session: Session, seq: InstrumentedAttribute[int], moment: InstrumentedAttribute[int], wanted: int
) -> int:
    """A row number above which every row is newer than `wanted`; likewise."""
    return seq_before(session, seq, moment, wanted + 2 * clock.HOUR)


def aside(column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """A column for a condition that no index is to answer, where another condition leaves few rows.

    Without figures of what the tables hold, SQLite takes the index that gives the order, and walks it all.
    """
    return func.coalesce(column, "")
