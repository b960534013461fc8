"""acr of grants."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# By SQLite's own ALTER TABLE: batch mode would make the table anew, and its rows take their tokens with them.


def upgrade() -> None:
    op.add_column("grant", sa.Column("acr", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("grant", "acr")
