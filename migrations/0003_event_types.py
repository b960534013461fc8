"""event types that a community registers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "event_type",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("schema", sa.JSON(), nullable=False),
        sa.Column("example", sa.JSON(), nullable=True),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("updated_at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_event_type_community_id_community")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event_type")),
        sa.UniqueConstraint("id", name=op.f("uq_event_type_id")),
        sa.UniqueConstraint("community_id", "name", name=op.f("uq_event_type_community_id_name")),
    )


def downgrade() -> None:
    op.drop_table("event_type")
