"""A community has a language: of pages and mails where nothing else tells."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the table, and with it all that hangs on it.
    op.add_column("community", sa.Column("language", sa.String(), nullable=False, server_default="en"))


def downgrade() -> None:
    op.drop_column("community", "language")
