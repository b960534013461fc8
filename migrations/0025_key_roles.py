"""What an API key may do: everything but operators and keys, or everything."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the table, and with it all that hangs on it.
    op.add_column("api_key", sa.Column("role", sa.String(), nullable=False, server_default="admin"))


def downgrade() -> None:
    op.drop_column("api_key", "role")
