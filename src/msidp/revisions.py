"""Which shape the tables have, and which this version wants. To look takes no Alembic (see `migrating`)."""

from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from msidp.db import address, reading
from msidp.outages import is_away


def migrations_dir() -> Path:
    """The Alembic directory: inside the wheel where installed, at the top of a checkout."""
    package = Path(__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent.parent / "migrations"


@cache
def head() -> str:
    """The revision that this version's tables have. Each file of a migration begins with its own."""
    return max(path.name.partition("_")[0] for path in migrations_dir().glob("[0-9]*.py"))


def revision() -> str | None:
    """The revision that the database's tables have; None where there are none. Raises where it is away."""
    try:
        with reading() as session:
            found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    except DatabaseError as error:
        if is_away(error):
            raise
        return None


def pending_migrations() -> bool:
    """Whether the database is behind this version, or ahead of it."""
    return revision() != head()


def is_newer(found: str | None) -> bool:
    """Whether a later version of msidp has given the tables this revision."""
    return found is not None and found > head()


def complaint(found: str | None) -> str:
    """What is wrong with a database whose tables have this revision, which is not this version's."""
    state = "newer than this version" if is_newer(found) else "not at this version yet"
    return f"The database {address()} is {state}. {mend(found)}"


def mend(found: str | None) -> str:
    """What to do about tables of this revision, which is not this version's."""
    if is_newer(found):
        return "Start the newer version of msidp that migrated it, or restore the backup from before that."
    return "Run: msidp migrate"
