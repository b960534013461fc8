"""SQLite's pool: what it lends comes back clean, or not at all."""

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from msidp.sqlite import LendingPool


def test_what_is_lent_comes_back_clean_whatever_happened_to_it(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'file.db'}", poolclass=LendingPool, pool_size=1)
    pool = engine.pool
    assert isinstance(pool, LendingPool)
    entry = pool.lend()
    first = entry.dbapi_connection
    assert pool.checkedout() == 1
    first.execute("CREATE TABLE kept (number)")
    first.commit()
    first.execute("INSERT INTO kept VALUES (1)")
    pool.take_back(entry)  # uncommitted

    with engine.connect() as connection:
        assert connection.connection.dbapi_connection is first
        assert connection.exec_driver_sql("SELECT count(*) FROM kept").scalar() == 0
    entry = pool.lend()
    first.close()  # it cannot even be rolled back
    pool.take_back(entry)
    entry = pool.lend()
    second = entry.dbapi_connection
    assert second is not first
    entry.invalidate(sqlite3.Error())  # as Core does with one that broke
    pool.take_back(entry)
    entry = pool.lend()
    assert entry.dbapi_connection not in (None, first, second)
    pool.take_back(entry)
    assert pool.checkedout() == 0
    engine.dispose()


def test_a_connection_that_cannot_be_opened_holds_no_place(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later' / 'file.db'}"
    engine = create_engine(url, poolclass=LendingPool, pool_size=1, max_overflow=0, pool_timeout=0.1)
    pool = engine.pool
    assert isinstance(pool, LendingPool)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError):
            pool.lend()
    (tmp_path / "later").mkdir()
    pool.take_back(pool.lend())
    engine.dispose()


@pytest.mark.database("sqlite")
def test_a_file_that_was_removed_or_replaced_is_told(app: Flask, client: FlaskClient) -> None:
    """Its connections go on: what they write is lost with the last of them."""
    path = Path(make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database or "")
    assert client.get("/readyz").json["checks"]["database"]["ok"]
    aside = path.rename(path.with_suffix(".aside"))
    for put in (lambda: None, path.touch):  # nothing, then another one
        put()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "removed or replaced" in answer.json["checks"]["database"]["message"]
    aside.rename(path)
    assert client.get("/readyz").json["checks"]["database"]["ok"]
