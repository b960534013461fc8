"""A database full of members, sessions and refresh tokens, by bulk statements: seconds, not hours.

Each row is a copy of a real one that the running site has made, so that it is what the site would have
written. Its keys follow from its number: `email_of(7)`, `session_token(7)`, `refresh_token(7)`.
"""

import hashlib
import sqlite3
from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, inspect

_CHUNK = 50_000  # rows a transaction: the running site gets its turn in between


@dataclass(frozen=True)
class Fill:
    """How much there is to be."""

    members: int
    sessions: int  # at most as many as members
    refresh_tokens: int  # likewise


def email_of(number: int) -> str:
    return f"member-{number}@example.com"


def session_token(number: int) -> str:
    return f"{number:043d}"


def refresh_token(number: int) -> str:
    return f"rt_{number:043d}"


def fill(url: str, email: str, wanted: Fill) -> None:
    """Make them, numbered from 1; the n-th session and refresh token are the n-th member's.

    What is copied is the member with this address, their last session, and their last grant with its
    refresh token.
    """
    engine = create_engine(url)
    member = f"SELECT id FROM member WHERE email = '{email}'"
    grant = f'SELECT max(id) FROM "grant" WHERE member_id = ({member})'
    session = f"SELECT max(id) FROM session WHERE member_id = ({member})"
    address = "'member-' || n || '@example.com'"
    mine = {"member_id": _padded("mem_", 26)}
    with engine.connect() as connection:
        prepare(connection)
        changed = {"id": mine["member_id"], "email": address, "email_key": address}
        copy(connection, "member", f"id = ({member})", wanted.members, changed)
        changed = {**mine, "id": _padded("ses_", 26), "token_hash": _hashed(_padded("", 43))}
        copy(connection, "session", f"id = ({session})", wanted.sessions, changed)
        token = _hashed(_padded("rt_", 43))
        changed = {**mine, "id": _padded("grt_", 26), "session_id": _padded("ses_", 26)}
        changed |= {"code_hash": "NULL", "refresh_family": token, "refresh_hash": token}
        copy(connection, "grant", f"id = ({grant})", wanted.refresh_tokens, changed)
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")  # its autovacuum would, within a minute
            connection.commit()
    engine.dispose()


def copy_members(connection: Connection, count: int) -> None:
    """Copies of the first member there is."""
    address = "'member-' || n || '@example.com'"
    changed = {"id": _padded("mem_", 26), "email": address, "email_key": address}
    copy(connection, "member", "seq = (SELECT min(seq) FROM member)", count, changed)


def _padded(prefix: str, width: int) -> str:
    return f"'{prefix}' || lpad(CAST(n AS text), {width}, '0')"


def _hashed(text: str) -> str:
    return f"sha256_hex({text})"


def prepare(connection: Connection) -> None:
    """Give each database the functions that it lacks."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION sha256_hex(value text) RETURNS text LANGUAGE sql IMMUTABLE "
            "RETURN encode(sha256(convert_to(value, 'UTF8')), 'hex')"
        )
        connection.commit()
        return
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.create_function("lpad", 3, str.rjust, deterministic=True)
    raw.create_function("sha256_hex", 1, lambda text: hashlib.sha256(text.encode()).hexdigest())
    for pragma in ("synchronous = OFF", "cache_size = -200000", "busy_timeout = 15000"):
        raw.execute(f"PRAGMA {pragma}")


def copy(connection: Connection, table: str, template: str, count: int, changed: dict[str, str]) -> None:
    """Copy the one row that `template` describes; `changed` are expressions over the number `n`."""
    names = [column["name"] for column in inspect(connection).get_columns(table) if column["name"] != "seq"]
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changed.get(name, f'template."{name}"') for name in names)
    for first in range(1, count + 1, _CHUNK):
        last = min(first + _CHUNK - 1, count)
        numbers = f"SELECT {first} AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}"
        connection.exec_driver_sql(
            f'INSERT INTO "{table}" ({columns}) WITH RECURSIVE numbers(n) AS ({numbers}) '
            f'SELECT {values} FROM numbers, (SELECT * FROM "{table}" WHERE {template}) template'
        )
        connection.commit()
