"""One row in every table, whatever the tables are: what a migration must not lose."""

import itertools
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, func, insert, select

_PLAIN: dict[type, Any] = {bool: False, object: {}, bytes: b"bytes"}  # object is what JSON is


class Rows:
    """The tables that a database has now, read once: reading them is most of the work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        known = MetaData()
        known.reflect(connection, only=lambda name, _: name != "alembic_version")
        self._tables = known.sorted_tables

    def fill(self) -> None:
        """Put a row into each table that has none, referring to those of the other tables."""
        numbers = itertools.count(1)
        kept: dict[str, Any] = {}
        for table in self._tables:
            if self._count(table) == 0:
                values = {column.name: _value(column, kept, next(numbers)) for column in table.columns}
                self._connection.execute(insert(table), values)
            kept[table.name] = self._connection.execute(select(table).limit(1)).one()

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table.name: self._count(table) for table in self._tables}

    def _count(self, table: Table) -> int:
        return self._connection.execute(select(func.count()).select_from(table)).scalar_one()


def _value(column: Column[Any], kept: dict[str, Any], number: int) -> Any:
    for key in column.foreign_keys:
        parent = kept.get(key.column.table.name)
        return None if parent is None else getattr(parent, key.column.name)
    kind = column.type.python_type
    if kind is str:
        return f"text {number}"
    return _PLAIN[kind] if kind in _PLAIN else kind(number)
