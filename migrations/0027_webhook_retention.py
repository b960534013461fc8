"""How long a community keeps its events, deliveries and attempts, where it says so itself."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = ("event_retention_days", "delivery_retention_days", "attempt_retention_days")


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the table, and with it all that hangs on it.
    for name in COLUMNS:
        op.add_column("community", sa.Column(name, BIGINT, nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("community", name)
