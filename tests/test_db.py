"""The database layer: one commit, joined transactions, and models equal to migrations."""

import itertools
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from tests.support import rows
from tests.support.instance import eventually
from tests.support.postgres import PostgresServer

from msidp import db, migrating, revisions
from msidp.communities.models import Community
from msidp.outages import is_away

MOVED = {  # tables whose rows a migration keeps elsewhere, which has a test of its own
    "0033": ("authorization_code", "refresh_token"),
}
LIMITS = ("lock_timeout", "idle_in_transaction_session_timeout")


def add(session, name: str) -> None:
    session.add(Community(id=name, app_id=name, public_key=name, name=name, created_at=0))


def count() -> int:
    """How many communities add() made."""
    with db.reading() as session:
        return session.scalar(select(func.count()).where(Community.created_at == 0))


def test_a_transaction_commits_at_its_end(app: Flask) -> None:
    with db.transaction() as session:
        add(session, "one")
    assert count() == 1


def test_an_exception_rolls_everything_back(app: Flask) -> None:
    rung = []
    with pytest.raises(RuntimeError), db.transaction() as session:
        add(session, "one")
        session.flush()
        db.after_commit(session, "bell", lambda: rung.append(1))
        raise RuntimeError
    assert count() == 0
    assert rung == []


def test_an_inner_transaction_joins_the_outer_one(app: Flask) -> None:
    with pytest.raises(RuntimeError), db.transaction() as outer:
        with db.transaction() as inner:
            assert inner is outer
            add(inner, "one")
        raise RuntimeError
    assert count() == 0


def test_a_savepoint_is_undone_alone(app: Flask) -> None:
    with db.transaction() as session:
        with pytest.raises(RuntimeError), session.begin_nested():
            add(session, "one")
            session.flush()
            raise RuntimeError
        add(session, "two")
    assert count() == 1


def test_after_commit_runs_once_a_key_and_sees_the_commit(app: Flask) -> None:
    seen = []
    with db.transaction() as session:
        add(session, "one")
        for _ in range(2):
            db.after_commit(session, "bell", lambda: seen.append(count()))
    assert seen == [1]


def test_writers_that_meet_are_served_in_turn(app: Flask) -> None:
    together = threading.Barrier(24)

    def write(number: int) -> str:
        with app.app_context():
            together.wait(20)
            with db.transaction() as session:
                add(session, f"writer {number}")
                session.flush()
                return str(session.connection().connection.dbapi_connection)

    with ThreadPoolExecutor(24) as threads:
        connections = set(threads.map(write, range(24)))
    assert count() == 24
    if db.engine_name() == "sqlite":
        assert len(connections) == 1


@pytest.mark.parametrize("who", ["another process", "another thread"])
def test_whoever_waits_too_long_to_write_is_told_to_come_back(
    app: Flask, admin: FlaskClient, who: str
) -> None:
    if db.engine_name() != "sqlite":
        pytest.skip("PostgreSQL has many writers")
    writer = app.extensions["msidp_writer"]
    writer.pool._timeout = 0.05
    with writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    with closing(
        sqlite3.connect(writer.url.database) if who == "another process" else writer.connect()
    ) as other:
        if who == "another process":
            other.execute("BEGIN IMMEDIATE")
        told = [
            admin.post("/plans", json={"name": "Plus"}),
            admin.post(
                "/token", data={"grant_type": "refresh_token", "refresh_token": "x", "client_id": "x"}
            ),
        ]
    assert [answer.status_code for answer in told] == [503, 503], [answer.json for answer in told]
    assert {answer.headers["Retry-After"] for answer in told} == {"5"}
    assert [told[0].json["code"], told[1].json["error"]] == ["busy", "temporarily_unavailable"]
    assert admin.post("/plans", json={"name": "Plus"}).status_code == 200  # nothing is left behind


@pytest.mark.own_database
@pytest.mark.database("postgresql")
def test_whoever_is_frozen_with_locks_holds_nobody_up_for_good(
    app: Flask, admin: FlaskClient, postgres: PostgresServer
) -> None:
    with db.reading() as session:
        said = [session.scalar(text(f"SHOW {name}")) for name in LIMITS]
    assert said == ["15s", "1min"]
    for name, limit in zip(LIMITS, ("100ms", "800ms"), strict=True):  # the database's own word goes first
        setting = sql.SQL("ALTER DATABASE own SET {} = {}")
        postgres.execute(setting.format(sql.Identifier(name), sql.Literal(limit)))
    db.dispose()
    with pytest.raises(DBAPIError) as undone, db.transaction() as frozen:
        frozen.execute(text("LOCK TABLE plan"))
        told = admin.post("/plans", json={"name": "Plus"})
        assert (told.status_code, told.headers["Retry-After"]) == (503, "5")
        eventually(lambda: admin.post("/plans", json={"name": "Plus"}).status_code == 200, 10)
        frozen.execute(text("SELECT 1"))
    assert is_away(undone.value)


def test_a_mistake_in_a_statement_is_no_busy_database(app: Flask) -> None:
    with pytest.raises(DBAPIError) as raised, db.reading() as session:
        session.execute(text("SELECT 1 FROM nowhere"))
    assert not is_away(raised.value)


def test_the_models_are_what_the_migrations_make(app: Flask) -> None:
    assert revisions.pending_migrations() is False
    assert [script.revision for script in migrating.alembic().heads()] == [revisions.head()]
    with db.db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.Base.metadata) == []


@pytest.mark.own_database
def test_each_migration_keeps_the_rows_both_ways(app: Flask) -> None:
    chain = [
        script.revision for script in reversed(list(migrating.alembic().script_directory.walk_revisions()))
    ]
    assert len(chain) > 1
    migrating.alembic().downgrade("base")
    migrating.alembic().upgrade(chain[0])
    for before, after in itertools.pairwise(chain):
        with db.db.engine.begin() as connection:
            rows.fill(connection)
            earlier = rows.counts(connection)
            moved = {table: earlier.pop(table) for table in MOVED.get(after, ())}
        migrating.alembic().upgrade(after)
        with db.db.engine.begin() as connection:
            assert rows.counts(connection).items() >= earlier.items()
            rows.fill(connection)
        migrating.alembic().downgrade(before)
        with db.db.engine.begin() as connection:
            again = rows.counts(connection)
            assert again.keys() == earlier.keys() | moved.keys()
            assert again.items() >= earlier.items()
        migrating.alembic().upgrade(after)
    assert revisions.pending_migrations() is False


@pytest.mark.own_database
def test_migrations_go_down_and_up_again(app: Flask) -> None:
    migrating.alembic().downgrade("base")
    assert revisions.pending_migrations() is True
    migrating.migrate()
    assert revisions.pending_migrations() is False
    assert count() == 0
