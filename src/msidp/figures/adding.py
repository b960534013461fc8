"""Numbers that many transactions add to, in one statement."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, inspect
from sqlalchemy.dialects import postgresql, sqlite

from msidp.db import Base
from msidp.prepared import Core, Prepared


def add_up(core: Core, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Add numbers to those of the rows with the same primary keys, which are made where they are missing.

    Give the rows in an order of their own, so that nobody waits in a circle.
    """
    core.many(_add_up(model), rows)


@cache
def _add_up(model: type[Base]) -> Prepared:
    key = [column.name for column in inspect(model).primary_key]
    numbers = [column for column in model.__table__.columns if column.name not in key]

    @Prepared
    def statement(dialect: str) -> Insert:
        insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(model)
        sums = {column.name: column + insert.excluded[column.name] for column in numbers}
        return insert.on_conflict_do_update(index_elements=key, set_=sums)

    return statement
