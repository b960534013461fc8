"""Statements over a list that is bound as one value, so that their text never varies."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, bindparam, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute


def among(
    column: InstrumentedAttribute[Any], name: str, dialect: str, kind: type[Any]
) -> ColumnElement[bool]:
    """Whether the column is one of the list that is bound to `name`."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))
    return column == func.any(cast(bindparam(name), ARRAY(kind)))


def bound_list(connection: Connection, values: Collection[Any]) -> Any:
    """A list in the form that `among` binds."""
    return json.dumps(list(values)) if connection.dialect.name == "sqlite" else list(values)
