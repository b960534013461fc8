"""Numbers that many transactions add to, in one statement."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, inspect
from sqlalchemy.dialects import postgresql, sqlite

from msidp.db import Base


def add_up(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Add numbers to those of the rows with the same primary keys, which are made where they are missing.

    Give the rows in an order of their own, so that nobody waits in a circle.
    """
    if rows:
        connection.execute(_add_up(model, connection.dialect.name), rows)


@cache
def _add_up(model: type[Base], dialect: str) -> Insert:
    insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(model)
    key = [column.name for column in inspect(model).primary_key]
    numbers = [column for column in model.__table__.columns if column.name not in key]
    sums = {column.name: column + insert.excluded[column.name] for column in numbers}
    return insert.on_conflict_do_update(index_elements=key, set_=sums)
