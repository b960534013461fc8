"""Open deliveries have one index, that of each endpoint: a second one cost every claim and outcome."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_delivery_due", "delivery")


def downgrade() -> None:
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
