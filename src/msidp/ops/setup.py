"""What an instance needs before it can serve: tables, its community, a signing key."""

import structlog
from sqlalchemy.exc import SQLAlchemyError

from msidp import db, queue, revisions
from msidp.communities import service as communities
from msidp.errors import Conflict
from msidp.keys import service as keys
from msidp.vault.fields import cipher

log = structlog.get_logger(__name__)


def prepare() -> None:
    """Bring an empty or an older database to this version. Safe to run from several processes at once.

    Raises Conflict for one that a newer version of msidp has migrated: there is no way back but a backup.
    """
    from msidp import migrating

    found = revisions.revision()
    if revisions.is_newer(found):
        raise Conflict("database-newer", revisions.complaint(found))
    migrating.migrate()
    with db.transaction() as session:
        db.lock(session, "setup")
        community = communities.ensure_default(session)
        keys.ensure(session, cipher(), community.id)


def await_tables(part: str) -> None:
    """Return once there are tables, or a signal asked to stop; the log says in which database there are none.

    A database that is away is not waited for: who works there outlasts that.
    """
    if _revision() is not None:
        return
    mend = "Run: msidp migrate. Or correct MSIDP_DATABASE_URL."
    log.warning("there are no tables yet", part=part, database=db.address(), mend=mend)
    while not queue.stopping.wait(1.0) and _revision() != revisions.head():
        pass


def _revision() -> str | None:
    try:
        return revisions.revision()
    except SQLAlchemyError:
        return ""
