"""The origins whose pages may call the Client API."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the table, and with it all that hangs on it.
    origins = sa.Column("allowed_origins", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("community", origins)


def downgrade() -> None:
    op.drop_column("community", "allowed_origins")
