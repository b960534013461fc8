"""Prepared statements do what SQLAlchemy's own execution does."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from msidp import clock, db
from msidp.oidc.models import Application, SpentProof
from msidp.prepared import Prepared

_table: Any = SpentProof.__table__
_application: Any = Application.__table__
INSERT = Prepared(insert(_table))
ALL = Prepared(select(_table).order_by(_table.c.id_hash))
ONE = Prepared(select(_table).where(_table.c.id_hash == bindparam("hash")))
LATER = Prepared(update(_table).values(expires_at=_table.c.expires_at + bindparam("more")))
SET = Prepared(
    update(_application)
    .where(_application.c.id == bindparam("application"))
    .values(jwks=bindparam("jwks"), redirect_uris=bindparam("uris"), skip_consent=bindparam("skip"))
    .returning(_application.c.jwks, _application.c.redirect_uris, _application.c.skip_consent)
)
READ = Prepared(select(_application).where(_application.c.id == bindparam("application")))


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def application_id(admin: FlaskClient) -> str:
    body = {"name": "Shop", "type": "web", "redirectUris": ["https://shop.example/callback"]}
    found: str = admin.post("/applications", json=body).json["data"]["id"]
    return found


def proof(hashed: str) -> dict[str, Any]:
    return {"id_hash": hashed, "expires_at": clock.now()}


def kept() -> list[str]:
    with db.core_reading() as core:
        return [row.id_hash for row in core.all(ALL, {})]


def test_rows_come_and_go() -> None:
    with db.core_transaction() as core:
        assert core.one(ONE, {"hash": "a"}) is None
        assert core.run(INSERT, proof("a")) == core.run(INSERT, proof("b")) == 1
        assert core.run(LATER, {"more": 1}) == 2
        with pytest.raises(ValueError, match="several rows"):
            core.one(ALL, {})
    assert kept() == ["a", "b"]


def test_values_are_converted_as_sqlalchemy_does(application_id: str) -> None:
    values = {"jwks": {"keys": [{"kty": "é"}]}, "uris": ["https://a.example/?x=%s"], "skip": True}
    with db.core_transaction() as core:
        told = core.one(SET, {"application": application_id, **values})
    assert (told.jwks, told.redirect_uris, told.skip_consent) == tuple(values.values())
    with db.reading() as session, db.core_reading() as core:
        expected = session.execute(select(_application)).one()
        assert tuple(core.one(READ, {"application": application_id})) == tuple(expected)
    with db.core_transaction() as core:
        assert core.one(SET, {"application": application_id, **values, "jwks": None}).jwks is None
    with db.reading() as session:
        assert session.scalar(text("SELECT jwks IS NULL FROM application"))


def test_what_fails_is_undone_and_tells_no_values() -> None:
    with pytest.raises(IntegrityError) as caught, db.core_transaction() as core:
        core.run(INSERT, proof("a-secret"))
        core.run(INSERT, proof("a-secret"))
    assert "INSERT" in str(caught.value)
    assert "[parameters" not in str(caught.value)
    with pytest.raises(RuntimeError), db.core_transaction() as core:
        core.run(INSERT, proof("b"))
        raise RuntimeError
    assert kept() == []


def test_it_joins_the_transaction_around_it() -> None:
    with pytest.raises(RuntimeError), db.transaction() as session:
        session.add(SpentProof(**proof("a")))
        with db.core_transaction() as core:
            core.run(INSERT, proof("b"))
        assert kept() == ["a", "b"]
        raise RuntimeError
    assert kept() == []
    with db.transaction() as session:
        db.core_of(session).run(INSERT, proof("c"))
    assert kept() == ["c"]


@pytest.mark.database("postgresql")
def test_a_connection_that_broke_is_not_used_again() -> None:
    end = Prepared(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with pytest.raises(DBAPIError), db.core_transaction() as core:
        core.run(end, {})
    assert kept() == []
