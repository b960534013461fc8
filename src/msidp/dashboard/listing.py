"""Pages of a list, newest first, by a cursor that stays right while rows come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

SIZE = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """Some rows, and the cursors of the pages around them (None: there is none)."""

    rows: list[Any]
    newer: int | None
    older: int | None


def listing(
    session: Session,
    model: Any,
    conditions: Sequence[ColumnElement[bool]],
    options: Sequence[ExecutableOption] = (),
) -> Listing:
    """The page that the request's `after` (older than it) or `before` (newer than it) asks for."""
    after, before = _cursor("after"), _cursor("before")
    statement = select(model).where(*conditions).options(*options)
    if before is not None:
        newest_last = statement.where(model.seq > before).order_by(model.seq).limit(SIZE + 1)
        rows = list(session.scalars(newest_last))
        more, rows = len(rows) > SIZE, rows[:SIZE][::-1]
        return Listing(rows, rows[0].seq if rows and more else None, rows[-1].seq if rows else before + 1)
    if after is not None:
        statement = statement.where(model.seq < after)
    rows = list(session.scalars(statement.order_by(model.seq.desc()).limit(SIZE + 1)))
    more, rows = len(rows) > SIZE, rows[:SIZE]
    newer = None if after is None else rows[0].seq if rows else after - 1
    return Listing(rows, newer, rows[-1].seq if more else None)


def _cursor(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
