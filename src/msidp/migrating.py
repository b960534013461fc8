"""Migrations: the database's tables are brought to this version's shape.

For whoever migrates to import, and nobody else: Alembic takes long to load.
"""

from flask_alembic import Alembic
from sqlalchemy import Connection, event

from msidp import db, revisions
from msidp.present import present_app

_alembic = Alembic(run_mkdir=False, command_name="")


def alembic() -> Alembic:
    """Alembic, for this application's database."""
    app = present_app()
    if "alembic" not in app.extensions:
        app.config["ALEMBIC"] = {"script_location": str(revisions.migrations_dir())}
        app.config["ALEMBIC_CONTEXT"] = {
            "render_as_batch": True,
            "compare_type": True,
            "transactional_ddl": True,  # SQLite can, once its transaction is begun by hand (see migrate)
        }
        _alembic.init_app(app)
    return _alembic


def migrate() -> None:
    """Bring the database's tables to this version's shape, wholly or not at all.

    Safe to run from several processes: the transaction begins with a lock, the others wait for it.
    """
    event.listen(alembic().migration_context.connection, "begin", _begin)
    alembic().upgrade()


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
    else:
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # the others wait for as long as it takes
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({db.lock_number('migration')})")
