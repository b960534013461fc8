"""Applications that register themselves, and those whose metadata is a document on the web."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "initial_access_token",
        sa.Column("seq", BIGINT, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("max_uses", BIGINT, nullable=True),
        sa.Column("uses", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("revoked_at", BIGINT, nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_initial_access_token_community_id_community")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_initial_access_token")),
        sa.UniqueConstraint("id", name=op.f("uq_initial_access_token_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_initial_access_token_token_hash")),
    )
    # By ALTER TABLE: batch mode would drop the table, and every grant with it.
    op.add_column("application", sa.Column("registration_token_hash", sa.String(), nullable=True))
    op.add_column("application", sa.Column("document_read_at", BIGINT, nullable=True))
    op.add_column("application", sa.Column("document_expires_at", BIGINT, nullable=True))


def downgrade() -> None:
    for column in ("document_expires_at", "document_read_at", "registration_token_hash"):
        op.drop_column("application", column)
    op.drop_table("initial_access_token")
