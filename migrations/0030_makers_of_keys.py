"""Who made an API key: told where keys are listed, also when that person is gone."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

COLUMNS = ("maker_type", "maker_id", "maker_name")


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the table, and with it all that hangs on it.
    for name in COLUMNS:
        op.add_column("api_key", sa.Column(name, sa.String()))
    key = sa.table("api_key", *map(sa.column, ("id", "name", *COLUMNS)))
    operator = sa.table("operator", sa.column("id"), sa.column("name"))
    entry = sa.table("audit_entry", *map(sa.column, ("action", "target_id", "actor_type", "actor_id")))
    connection = op.get_bind()
    names = {row.id: row.name for table in (key, operator) for row in connection.execute(sa.select(table))}
    made = sa.select(entry.c.target_id, entry.c.actor_type, entry.c.actor_id)
    for row in connection.execute(made.where(entry.c.action == "api_key.created")).all():
        name = row.actor_id if row.actor_type == "command_line" else names.get(row.actor_id)
        values = {"maker_type": row.actor_type, "maker_id": row.actor_id, "maker_name": name}
        connection.execute(key.update().where(key.c.id == row.target_id).values(values))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("api_key", name)
