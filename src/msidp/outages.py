"""A database that cannot be had at present: how that is told from mistakes, and what the log says of it."""

import sqlite3

import structlog
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PROTOCOL,
    }
)  # what SQLite cannot do now; a statement that is wrong is SQLITE_ERROR
_POSTGRESQL = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby, until it is promoted
        "25P03",  # idle_in_transaction_session_timeout: we were frozen
    }
)  # what psycopg does not take for an operational error

log = structlog.get_logger(__name__)


def is_away(error: Exception) -> bool:
    """Whether the database cannot be had at present: busy for too long, full, gone. Mistakes are not that."""
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, InternalError):
        return getattr(error.orig, "sqlstate", None) in _POSTGRESQL
    if not isinstance(error, OperationalError):
        return False
    cause = error.orig
    return not isinstance(cause, sqlite3.Error) or getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE


def cause_of(error: Exception) -> str:
    """What the database said, in one line."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).partition("\n")[0]


class Outage:
    """Tells of each absence of the database once, for one who works with it again and again."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._told = False

    def explains(self, error: Exception) -> bool:
        """Whether the database's absence is all that is wrong. The log tells of it, if it did not yet."""
        if not is_away(error):
            return False
        if not self._told:
            log.warning("the database is away", part=self._who, error=cause_of(error))
        self._told = True
        return True

    def is_over(self) -> None:
        """The database did what it was asked."""
        self._told = False
