"""One row in every table, whatever the tables are: what a migration must not lose."""

import itertools
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, func, insert, select

_PLAIN: dict[type, Any] = {bool: False, object: {}, bytes: b"bytes"}  # object is what JSON is


def fill(connection: Connection) -> None:
    """Put a row into each table that has none, referring to those of the other tables."""
    known = _tables(connection)
    numbers = itertools.count(1)
    kept: dict[str, Any] = {}
    for table in known.sorted_tables:
        if _count(connection, table) == 0:
            values = {column.name: _value(column, kept, next(numbers)) for column in table.columns}
            connection.execute(insert(table), values)
        kept[table.name] = connection.execute(select(table).limit(1)).one()


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {table.name: _count(connection, table) for table in _tables(connection).sorted_tables}


def _tables(connection: Connection) -> MetaData:
    known = MetaData()
    known.reflect(connection, only=lambda name, _: name != "alembic_version")
    return known


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _value(column: Column[Any], kept: dict[str, Any], number: int) -> Any:
    for key in column.foreign_keys:
        parent = kept.get(key.column.table.name)
        return None if parent is None else getattr(parent, key.column.name)
    kind = column.type.python_type
    if kind is str:
        return f"text {number}"
    return _PLAIN[kind] if kind in _PLAIN else kind(number)
