"""One row in every table, whatever the tables are: what a migration must not lose."""

import itertools
from typing import Any

from sqlalchemy import Column, Connection, MetaData, func, insert, inspect, select, table

_PLAIN: dict[type, Any] = {bool: False, object: {}, bytes: b"bytes"}  # object is what JSON is


def fill(connection: Connection) -> None:
    """Put a row into each table that has none, referring to those of the other tables."""
    known = MetaData()
    known.reflect(connection, only=lambda name, _: name != "alembic_version")
    numbers = itertools.count(1)
    kept: dict[str, Any] = {}
    for found in known.sorted_tables:
        if connection.execute(select(func.count()).select_from(found)).scalar_one() == 0:
            values = {column.name: _value(column, kept, next(numbers)) for column in found.columns}
            connection.execute(insert(found), values)
        kept[found.name] = connection.execute(select(found).limit(1)).one()


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    return {
        name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names
    }


def _value(column: Column[Any], kept: dict[str, Any], number: int) -> Any:
    for key in column.foreign_keys:
        parent = kept.get(key.column.table.name)
        return None if parent is None else getattr(parent, key.column.name)
    kind = column.type.python_type
    if kind is str:
        return f"text {number}"
    return _PLAIN[kind] if kind in _PLAIN else kind(number)
