"""The database: the extension, the declarative base, SQLite's pragmas, and the only place that commits."""

import zlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy import session as flask_session
from pydantic_core import from_json
from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Engine,
    Integer,
    MetaData,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    SessionTransaction,
    mapped_column,
)

from msidp import canonical, postgresql, sqlite
from msidp.prepared import Core, Unit
from msidp.present import present_app
from msidp.settings import Settings

BUSY_TIMEOUT = 15  # seconds to wait for another writer, on PostgreSQL for one who has the same rows

BigInt = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows up for INTEGER alone


class Base(DeclarativeBase):
    """What every model is. Moments are integers, milliseconds since 1970 UTC (see `msidp.clock`)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own declaration
        int: BigInt,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class Listed:
    """For tables that are listed: `seq` gives the order and the cursor, `id` is what callers see."""

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True, sort_order=-2)
    id: Mapped[str] = mapped_column(unique=True, sort_order=-1)


class _Session(flask_session.Session):
    """A session of the engine that its unit of work needs."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        return self.info.get("engine") or super().get_bind(*args, **kwargs)


# Models inherit from Base; the extension gives engines and sessions.
db = SQLAlchemy(metadata=Base.metadata, session_options={"class_": _Session})

_current: ContextVar[Session | None] = ContextVar("msidp_transaction", default=None)


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the extension to this app's database and its migrations."""
    url = make_url(settings.database_url)
    options: dict[str, Any] = {"json_serializer": canonical.dumps, "json_deserializer": from_json}
    if url.get_backend_name() == "sqlite":
        options |= {"poolclass": sqlite.LendingPool, "pool_use_lifo": True}
        options["connect_args"] = {"timeout": BUSY_TIMEOUT}
    else:
        options |= {"pool_size": 10, "max_overflow": 20, "pool_pre_ping": True}
        options["connect_args"] = postgresql.connect_args(url)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    app.teardown_appcontext_funcs.pop()  # its own, which ends a session that nobody begins: ours are blocks
    with app.app_context():
        if url.get_backend_name() == "sqlite":
            writer = {"pool_size": 1, "max_overflow": 0, "pool_timeout": BUSY_TIMEOUT}
            app.extensions["msidp_writer"] = create_engine(db.engine.url, **options | writer)
            for engine in _engines():
                sqlite.prepare(engine)
        else:
            postgresql.limit_waits(db.engine, BUSY_TIMEOUT)


def _engines() -> set[Engine]:
    return {db.engine, _writer()}


def _writer() -> Engine:
    """The engine of what writes: on SQLite, of one connection for which this process's threads queue.

    Only one may write at a time anyway. In SQLite itself the others would sleep between tries, for longer
    and longer; here they are served in turn, and find in the connection's cache what the last one left.
    """
    engine: Engine = present_app().extensions.get("msidp_writer") or db.engine
    return engine


def dispose() -> None:
    """Close this application's connections."""
    for engine in _engines():
        engine.dispose()


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commits at the end, rolls back on an exception. The only commit there is.

    Inside another transaction() it joins that one. On SQLite it takes the write lock at its first
    statement, so work that needs no database (hashing a password) belongs before that.
    """
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    session = _new_session(_writer(), begin="IMMEDIATE")
    token = _current.set(session)
    try:
        with session, session.begin():
            yield session
            for last in session.info.get("before_commit", {}).values():
                last(session)
    finally:
        _current.reset(token)
    for action in session.info.get("after_commit", {}).values():
        action()


@contextmanager
def reading() -> Iterator[Session]:
    """A session for queries alone, on one snapshot; inside transaction() it joins that one."""
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    with _new_session(db.engine, begin="DEFERRED") as session:
        yield session


def core_transaction() -> AbstractContextManager[Core]:
    """transaction() for the hottest paths: prepared statements, and nothing of SQLAlchemy's around them.

    Nothing may be nested in it that opens a transaction of its own.
    """
    outer = _current.get()
    return nullcontext(core_of(outer)) if outer is not None else Unit(_writer(), "IMMEDIATE")


def core_reading() -> AbstractContextManager[Core]:
    """reading(), likewise."""
    outer = _current.get()
    return nullcontext(core_of(outer)) if outer is not None else Unit(db.engine, "DEFERRED")


def core_of(session: Session) -> Core:
    """For prepared statements within a transaction(): what the session holds back is written first."""
    session.flush()
    connection = session.connection()
    return Core(connection.connection, connection.dialect)


def before_commit(session: Session, key: Hashable, action: Callable[[Session], object]) -> None:
    """Run `action` as the last thing in this transaction; one action a key.

    For rows that many transactions change: they are held for no longer than the commit takes.
    """
    session.info.setdefault("before_commit", {})[key] = action


def after_commit(session: Session, key: Hashable, action: Callable[[], object]) -> None:
    """Run `action` once this session has committed; one action a key. It must not raise."""
    session.info.setdefault("after_commit", {})[key] = action


def _new_session(engine: Engine, *, begin: str) -> Session:
    factory: Callable[[], Session] = db.session.session_factory
    session = factory()
    session.expire_on_commit = False
    session.info |= {"engine": engine, "begin": begin}
    return session


@event.listens_for(Session, "after_begin")
def _begin_session(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:  # a savepoint is within a transaction that has begun
        _begin_sqlite(connection, session.info.get("begin", "DEFERRED"))


def _begin_sqlite(connection: Connection, mode: str) -> None:
    """SQLite's transaction starts here, by hand: pysqlite's own would be late and never IMMEDIATE."""
    if connection.dialect.name == "sqlite":
        # past SQLAlchemy, whose bookkeeping costs more than the statement
        Core(connection.connection, connection.dialect).begin(f"BEGIN {mode}")


def lock(session: Session, name: str) -> None:
    """Let one transaction at a time pass here, until it ends.

    On SQLite transaction() does that by itself once it has begun.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(lock_number(name))))


def lock_number(name: str) -> int:
    return zlib.crc32(name.encode())  # PostgreSQL's advisory locks are numbers


def is_replaced() -> bool:
    """Whether this process still writes to a SQLite file that is no longer at its place."""
    return db.engine.dialect.name == "sqlite" and sqlite.is_replaced(db.engine)


def engine_name() -> str:
    """`sqlite` or `postgresql`."""
    with current_app.app_context():
        return db.engine.dialect.name


def address() -> str:
    """The database's URL, without its password."""
    return db.engine.url.render_as_string(hide_password=True)
