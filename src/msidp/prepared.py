"""Statements of the hottest paths: compiled once, and run by the driver itself.

SQLAlchemy writes the SQL and says how values are converted. What it does around each execution (events,
contexts, results of many kinds) takes several times as long as SQLite takes for a row.
"""

import logging
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from sqlalchemy import Dialect, Engine, Insert, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from msidp.sqlite import LendingPool

_Convert = Callable[[Any], Any]
_row_of: Callable[..., Any] = namedtuple  # of columns that are known when a statement is compiled

log = logging.getLogger(__name__)


class Prepared:
    """A Core statement, its parameters bindparam()s. An Insert takes what its first execution names.

    Where the kinds of database need statements of their own, what makes one for each: a function of
    `sqlite` or `postgresql`, of which this is the decorator.
    """

    def __init__(self, statement: Any) -> None:
        self.statement: Callable[[str], Any] = (
            statement if callable(statement) else lambda _dialect: statement
        )
        self._compiled: dict[str, _Compiled] = {}

    def compiled(self, dialect: Dialect, names: Collection[str]) -> "_Compiled":
        """For this kind of database."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = _Compiled(self.statement(dialect.name), dialect, names)
        return found


class Core:
    """A transaction on the driver's connection."""

    __slots__ = ("_connection", "_dialect", "_driver")

    def __init__(self, connection: PoolProxiedConnection | ConnectionPoolEntry, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self._driver: Any = connection.dbapi_connection

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._dialect.name

    def one(self, statement: Prepared, parameters: Mapping[str, Any]) -> Any:
        """The one row, its columns as attributes; None where there is none."""
        compiled = statement.compiled(self._dialect, parameters)
        rows = compiled.rows(self._run(compiled, parameters))
        if len(rows) > 1:
            raise ValueError("several rows where there is one at most")
        return rows[0] if rows else None

    def all(self, statement: Prepared, parameters: Mapping[str, Any]) -> list[Any]:
        """Every row."""
        compiled = statement.compiled(self._dialect, parameters)
        return compiled.rows(self._run(compiled, parameters))

    def tuples(self, statement: Prepared, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Every row as the driver gives it, for those that are read by the hundred: nothing is converted.

        SQLite has 0 and 1 for what is true or false, and text for JSON.
        """
        found: list[tuple[Any, ...]] = self._run(
            statement.compiled(self._dialect, parameters), parameters
        ).fetchall()
        return found

    def run(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        """Run what returns no rows. How many it changed."""
        count: int = self._run(statement.compiled(self._dialect, parameters), parameters).rowcount
        return count

    def many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run what returns no rows, once for each of these parameters."""
        if rows:
            compiled = statement.compiled(self._dialect, rows[0])
            log.debug("%s", compiled.sql)
            self._call(self._driver.cursor().executemany, compiled.sql, [*map(compiled.arguments, rows)])

    def begin(self, text: str) -> None:
        """Begin the transaction with this statement, where the driver does not by itself."""
        self._call(self._driver.execute, text)

    def commit(self) -> None:
        """Commit it."""
        self._call(self._driver.commit)

    def _run(self, compiled: "_Compiled", parameters: Mapping[str, Any]) -> Any:
        log.debug("%s", compiled.sql)
        return self._call(self._driver.execute, compiled.sql, compiled.arguments(parameters))

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """With the driver's errors as SQLAlchemy's; a connection that broke is not used again."""
        errors = self._dialect.loaded_dbapi.Error
        try:
            return function(*arguments)
        except errors as error:
            if self._dialect.is_disconnect(error, self._driver, None):
                self._connection.invalidate(error)
            sql = arguments[0] if arguments else None
            raise translated(error, self._dialect, sql) from error


class Unit(AbstractContextManager[Core]):
    """A unit of work of prepared statements. A generator would take longer than its BEGIN."""

    def __init__(self, engine: Engine, begin: str) -> None:
        self._engine = engine
        self._begin = begin
        self._give_back: Callable[[], None]

    def __enter__(self) -> Core:
        dialect = self._engine.dialect
        try:
            connection = self._take()
        except dialect.loaded_dbapi.Error as error:
            raise translated(error, dialect) from error
        core = self._core = Core(connection, dialect)
        if dialect.name == "sqlite":
            try:
                core.begin(f"BEGIN {self._begin}")
            except BaseException:
                self._give_back()
                raise
        return core

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None and self._begin == "IMMEDIATE":
                self._core.commit()
        finally:
            self._give_back()  # to the pool, which rolls back what was not committed

    def _take(self) -> PoolProxiedConnection | ConnectionPoolEntry:
        pool = self._engine.pool
        if isinstance(pool, LendingPool):
            lent = pool.lend()
            self._give_back = partial(pool.take_back, lent)
            return lent
        connection = self._engine.raw_connection()
        self._give_back = connection.close
        return connection


def translated(error: Exception, dialect: Dialect, sql: str | None = None) -> DBAPIError:
    """A driver's error as SQLAlchemy's. The parameters, which may be secret, are not in it."""
    found = DBAPIError.instance(sql, None, error, dialect.loaded_dbapi.Error, dialect=dialect)
    assert isinstance(found, DBAPIError)  # noqa: S101  # of one of the driver's errors
    return found


class _Compiled:
    """A statement as one kind of database takes it."""

    def __init__(self, statement: Any, dialect: Dialect, names: Collection[str]) -> None:
        inserts = isinstance(statement, Insert)
        compiled = statement.compile(dialect=dialect, column_keys=[*names] if inserts else None)
        self.sql = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        self._fixed = {name: value for name, value in compiled.params.items() if name not in names}
        binds = {name: bind.type.dialect_impl(dialect) for bind, name in compiled.bind_names.items()}
        self._sent = _converters({name: kind.bind_processor(dialect) for name, kind in binds.items()})
        columns = getattr(statement, "exported_columns", ())
        self._row = _row_of("Row", [column.key for column in columns])._make
        self._dialect = dialect
        self._kinds = [column.type.dialect_impl(dialect) for column in columns]
        self._read: list[tuple[int, _Convert]] | None = None  # told by the first result

    def arguments(self, parameters: Mapping[str, Any]) -> Any:
        """As the driver takes them."""
        values = {**self._fixed, **parameters}
        for name, convert in self._sent:
            values[name] = convert(values[name])
        return values if self._order is None else [values[name] for name in self._order]

    def rows(self, cursor: Any) -> list[Any]:
        """The rows of a result, their columns as attributes."""
        found = cursor.fetchall()
        if self._read is None:
            sorts = zip(self._kinds, cursor.description, strict=True)
            told = [kind.result_processor(self._dialect, described[1]) for kind, described in sorts]
            self._read = [(index, convert) for index, convert in enumerate(told) if convert]
        if self._read:
            found = [self._converted(row, self._read) for row in found]
        return [*map(self._row, found)]

    @staticmethod
    def _converted(row: Sequence[Any], converters: Iterable[tuple[int, _Convert]]) -> Sequence[Any]:
        values = [*row]
        for index, convert in converters:
            values[index] = convert(values[index])
        return values


def _converters(found: Mapping[str, _Convert | None]) -> list[tuple[str, _Convert]]:
    return [(name, convert) for name, convert in found.items() if convert]
