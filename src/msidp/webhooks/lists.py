"""Lists: bound as one value, so that a statement's text never varies; and many rows inserted cheaply."""

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, bindparam, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute

from msidp.db import Base


def among(
    column: InstrumentedAttribute[Any], name: str, dialect: str, kind: type[Any]
) -> ColumnElement[bool]:
    """Whether the column is one of the list that is bound to `name`."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))
    return column == func.any(cast(bindparam(name), ARRAY(kind)))


def bound_list(dialect: str, values: Collection[Any]) -> Any:
    """A list in the form that `among` binds."""
    return json.dumps(list(values)) if dialect == "sqlite" else list(values)


def insert_many(
    connection: Connection, model: type[Base], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows, their values in the order of the columns and as the driver takes them.

    A third of what SQLAlchemy's own insert costs, which fills in defaults and converts each value.
    """
    if rows:
        connection.exec_driver_sql(_insert(model, tuple(columns), connection.dialect.name), list(rows))


@cache
def _insert(model: type[Base], columns: Sequence[str], dialect: str) -> str:
    values = ", ".join(["?" if dialect == "sqlite" else "%s"] * len(columns))
    return f"INSERT INTO {model.__tablename__} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608  # names of the model
