"""What an initial access token allows to be registered, kept with the token and with what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

COLUMNS = (("initial_access_token", "limits"), ("application", "registration_limits"))


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the tables, and with them all that hangs on them.
    for table, name in COLUMNS:
        op.add_column(table, sa.Column(name, sa.JSON(), nullable=True))


def downgrade() -> None:
    for table, name in COLUMNS:
        op.drop_column(table, name)
