"""The secret behind pairwise subjects."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pairwise_salt",
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_pairwise_salt_community_id_community")
        ),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_pairwise_salt")),
    )


def downgrade() -> None:
    op.drop_table("pairwise_salt")
