"""Going through a whole table in small steps, each with a query of its own: no OFFSET, no long transaction.

A step looks at a window of row numbers and takes what fits of it. So it costs the same wherever it is, and
however rare what is looked for may be: no index of another column tempts the database to sort all of it
again for each step.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption
from sqlalchemy.sql.util import ClauseAdapter

WINDOW = 5_000  # row numbers


def last(session: Session, model: Any) -> int:
    """The highest row number there is; what comes later is not gone through."""
    return session.scalar(select(func.max(model.seq))) or 0


def first(
    session: Session,
    model: Any,
    conditions: Sequence[ColumnElement[bool]],
    *,
    newest: bool,
    limit: int,
    options: Sequence[ExecutableOption] = (),
) -> list[Any]:
    """The first `limit` rows that fit, by row number, from the newest or the oldest on.

    Their numbers are found first and the rows then: where an index holds all that is asked, tens of thousands
    that fit are sorted as numbers, and not as rows with what is loaded along.
    """
    order = model.seq.desc() if newest else model.seq
    seqs = select(model.seq).where(*conditions).order_by(order).limit(limit)
    rows = select(model).where(model.seq.in_(seqs)).order_by(order).options(*options)
    return list(session.scalars(rows))


def step(
    session: Session,
    model: Any,
    conditions: Sequence[ColumnElement[bool]],
    *,
    after: int,
    until: int,
    limit: int,
    options: Sequence[ExecutableOption] = (),
) -> tuple[list[Any], int]:
    """At most `limit` rows after a row number, in their order, and the number that the next step is after."""
    end = min(after + WINDOW, until)
    table = model.__table__
    # LIMIT keeps the windows apart: neither database looks for the conditions before it.
    window = select(table).where(table.c.seq > after, table.c.seq <= end).order_by(table.c.seq).limit(WINDOW)
    view = window.subquery()
    fitting = [ClauseAdapter(view).traverse(condition) for condition in conditions]
    seqs = list(session.scalars(select(view.c.seq).where(*fitting).order_by(view.c.seq).limit(limit)))
    if not seqs:
        return [], end
    rows = session.scalars(select(model).where(model.seq.in_(seqs)).order_by(model.seq).options(*options))
    return list(rows), seqs[-1] if len(seqs) == limit else end
