"""Pages of a list, newest first, by a cursor that stays right while rows come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from msidp import walk

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
    wanted = [*conditions]
    if before is not None:
        wanted.append(model.seq > before)
        rows = walk.first(session, model, wanted, newest=False, limit=SIZE + 1, options=options)
        more, rows = len(rows) > SIZE, rows[:SIZE][::-1]
        return Listing(rows, rows[0].seq if rows and more else None, rows[-1].seq if rows else before + 1)
    if after is not None:
        wanted.append(model.seq < after)
    rows = walk.first(session, model, wanted, newest=True, limit=SIZE + 1, options=options)
    more, rows = len(rows) > SIZE, rows[:SIZE]
    newer = None if after is None else rows[0].seq if rows else after - 1
    return Listing(rows, newer, rows[-1].seq if more else None)


def _cursor(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
