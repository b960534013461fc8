"""Is this instance fit to serve? What /readyz answers and `msidp doctor` prints."""

from dataclasses import dataclass

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from msidp import db, queue, revisions
from msidp.keys.keyring import CannotSign, keyring
from msidp.keys.pairs import ALGORITHMS


@dataclass(frozen=True, slots=True)
class Check:
    """What was found. `message` is for everybody, `mend` and `detail` for the operator."""

    name: str
    ok: bool
    message: str
    mend: str = ""
    detail: str = ""


def ready() -> list[Check]:
    """The four checks of readiness: database, migrations, keys, queue."""
    database = check_database()
    checks = [database]
    if database.ok:
        migrations = check_migrations()
        checks.append(migrations)
        if migrations.ok:
            checks.append(check_keys())
    checks.append(check_queue())
    return checks


def check_database() -> Check:
    """Whether the database answers, and is the one that it was."""
    try:
        with db.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        mend = "Start the database, or correct MSIDP_DATABASE_URL."
        return Check("database", False, "does not answer", mend, str(getattr(error, "orig", error)))
    if db.is_replaced():
        mend = "Stop at once, put the file back in its place, start. What was written meanwhile is lost."
        return Check("database", False, "its file was removed or replaced while it is in use", mend)
    return Check("database", True, f"{db.engine_name()} answers")


def check_migrations() -> Check:
    """Whether the tables have this version's shape."""
    try:
        present = revisions.revision()
    except SQLAlchemyError:
        present = None
    if present == revisions.head():
        return Check("migrations", True, "the tables are at this version")
    if revisions.is_newer(present):
        found = f"the tables are of a newer version than this one ({present}, not {revisions.head()})"
    else:
        found = "the tables are of an older version" if present else "there are no tables yet"
    return Check("migrations", False, found, revisions.mend(present))


def check_keys() -> Check:
    """Whether there are signing keys and the secret key opens them."""
    try:
        for algorithm in ALGORITHMS:
            keyring().prepare(algorithm)
        count = len(keyring().jwks()["keys"])
    except CannotSign as error:
        mend = "Put the secret key that was in use back into MSIDP_SECRET_KEY, after the new one."
        return Check("keys", False, "a signing key cannot be opened", mend, str(error))
    return Check("keys", True, f"{count} signing keys")


def check_queue() -> Check:
    """Whether the queue takes work."""
    try:
        queue.connection().ping()
        waiting = queue.queue(queue.WEBHOOKS).count
    except (redis.RedisError, OSError) as error:
        mend = "Start `msidp up`, or the server behind MSIDP_REDIS_URL. Until then deliveries wait,"
        mend += " but for those of a `msidp worker --poll`."
        return Check("queue", False, "does not answer", mend, str(error))
    return Check("queue", True, f"answers, {waiting} waiting")
