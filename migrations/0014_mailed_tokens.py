"""mailed tokens: what is good once for whoever reads a mailbox."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mailed_token",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("member_id", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("browser_hash", sa.String(), nullable=True),
        sa.Column("next", sa.String(), nullable=True),
        sa.Column("code_hash", sa.String(), nullable=True),
        sa.Column("tries_left", BIGINT, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("spent_at", BIGINT, nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_mailed_token_community_id_community")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_mailed_token_member_id_member"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mailed_token")),
    )
    op.create_index(op.f("ix_mailed_token_member_id"), "mailed_token", ["member_id"])
    op.create_index("ix_mailed_token_expires_at", "mailed_token", ["expires_at"])
    op.create_index("ix_mailed_token_browser_hash_created_at", "mailed_token", ["browser_hash", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_mailed_token_browser_hash_created_at", "mailed_token")
    op.drop_index("ix_mailed_token_expires_at", "mailed_token")
    op.drop_index(op.f("ix_mailed_token_member_id"), "mailed_token")
    op.drop_table("mailed_token")
