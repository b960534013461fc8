"""A community's look: its colour, texts and links, and pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "image",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("width", BIGINT, nullable=False),
        sa.Column("height", BIGINT, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_image_community_id_community")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image")),
    )
    op.create_index(op.f("ix_image_owner_id"), "image", ["owner_id"])
    op.create_table(
        "branding",
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("accent_color", sa.String(), nullable=True),
        sa.Column("welcome", sa.JSON(), nullable=False),
        sa.Column("support_url", sa.String(), nullable=True),
        sa.Column("terms_url", sa.String(), nullable=True),
        sa.Column("privacy_url", sa.String(), nullable=True),
        sa.Column("updated_at", BIGINT, nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_branding_community_id_community")
        ),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_branding")),
    )


def downgrade() -> None:
    op.drop_table("branding")
    op.drop_index(op.f("ix_image_owner_id"), "image")
    op.drop_table("image")
