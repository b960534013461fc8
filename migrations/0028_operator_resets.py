"""Links by which operators choose a new password."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operator_reset",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("operator_id", sa.String(), nullable=True),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["operator.id"],
            name=op.f("fk_operator_reset_operator_id_operator"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_operator_reset")),
    )
    op.create_index(op.f("ix_operator_reset_operator_id"), "operator_reset", ["operator_id"])
    op.create_index(op.f("ix_operator_reset_expires_at"), "operator_reset", ["expires_at"])


def downgrade() -> None:
    op.drop_table("operator_reset")
