"""How long PostgreSQL is waited for: nothing waits without an end for a machine that fell silent.

A process that is frozen in the middle of a transaction holds its locks; a peer behind a cut line never says
that it is gone. What the address, the role or the server itself says of these limits goes first.
"""

from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

_TO_THE_SERVER = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds of silence, after which it is asked whether it is there
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds for what was sent to arrive
}
IDLE = 60  # seconds within a transaction in which nothing is asked, after which it is undone


def connect_args(url: URL) -> dict[str, Any]:
    """For libpq: how long the server may be silent before the connection counts as broken."""
    return {name: value for name, value in _TO_THE_SERVER.items() if name not in url.query}


def limit_waits(engine: Engine, lock_timeout: int) -> None:
    """Have a statement give up after so many seconds behind a lock, and transactions end that do nothing."""
    limits = {"lock_timeout": lock_timeout, "idle_in_transaction_session_timeout": IDLE}
    values = ", ".join(f"('{name}', '{seconds}s')" for name, seconds in limits.items())
    statement = (
        f"SELECT set_config(name, value, false) FROM (VALUES {values}) AS ours (name, value) "  # noqa: S608  # our own
        "WHERE current_setting(name) = '0'"
    )

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.autocommit = True
        connection.execute(statement)
        connection.autocommit = False
