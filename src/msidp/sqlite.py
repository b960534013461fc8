"""SQLite's connections: how they are prepared, and a pool that also lends them bare."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool


class LendingPool(QueuePool):
    """SQLAlchemy's pool, which a block may also ask for a connection as it is.

    The proxy that others get, and the finalizer that gives back what its user forgot, take three times as
    long as the transaction's BEGIN. A block forgets nothing.
    """

    file: tuple[int, int] | None = None  # the one that it has open, by device and inode

    def lend(self) -> ConnectionPoolEntry:
        """A connection, to be given back whatever happens. Raises the driver's errors."""
        entry: Any = self._do_get()
        try:
            entry.get_connection()  # opens it, if it is new or broke
        except BaseException:
            self._do_return_conn(entry)
            raise
        lent: ConnectionPoolEntry = entry
        return lent

    def take_back(self, entry: ConnectionPoolEntry) -> None:
        """Roll back what was not committed. A connection that cannot do that is not used again."""
        try:
            if entry.dbapi_connection is not None:  # it may have broken meanwhile
                entry.dbapi_connection.rollback()
        except sqlite3.Error as error:
            entry.invalidate(error)
        finally:
            self._do_return_conn(entry)


def prepare(engine: Engine) -> None:
    """Have its connections keep what was acknowledged, and leave the beginning of transactions to us."""

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.close()
        pool: Any = engine.pool
        pool.file = pool.file or _file_of(engine)


def is_replaced(engine: Engine) -> bool:
    """Whether its file was removed, or another one put in its place, since it was first opened.

    What is written to the old one meanwhile is lost with the last connection to it.
    """
    pool: Any = engine.pool
    return pool.file is not None and pool.file != _file_of(engine)


def _file_of(engine: Engine) -> tuple[int, int] | None:
    try:
        found = Path(engine.url.database or "").stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
