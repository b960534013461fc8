"""SQLite's connections: how they are prepared, and a pool that also lends them bare."""

import sqlite3
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool


class LendingPool(QueuePool):
    """SQLAlchemy's pool, which a block may also ask for a connection as it is.

    The proxy that others get, and the finalizer that gives back what its user forgot, take three times as
    long as the transaction's BEGIN. A block forgets nothing.
    """

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
