"""What an instance needs before it can serve: tables, its community, a signing key."""

from msidp import db
from msidp.communities import service as communities
from msidp.keys import service as keys
from msidp.vault.fields import cipher


def prepare() -> None:
    """Bring an empty or an older database to this version. Safe to run from several processes at once."""
    from msidp import migrating

    migrating.migrate()
    with db.transaction() as session:
        db.lock(session, "setup")
        community = communities.ensure_default(session)
        keys.ensure(session, cipher(), community.id)
