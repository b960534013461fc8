"""Figures by the hour, for the dashboard's charts; members by their last log-in."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "community_hour",
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("hour", BIGINT, nullable=False),
        *(sa.Column(name, BIGINT, nullable=False) for name in ("joined", "departed", "logged_in", "refused")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_community_hour_community_id_community")
        ),
        sa.PrimaryKeyConstraint("community_id", "hour", name=op.f("pk_community_hour")),
    )
    op.create_table(
        "endpoint_hour",
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("hour", BIGINT, nullable=False),
        *(sa.Column(name, BIGINT, nullable=False) for name in ("succeeded", "failed", "exhausted")),
        *(sa.Column(f"t{number}", BIGINT, nullable=False) for number in range(12)),
        sa.PrimaryKeyConstraint("endpoint_id", "hour", name=op.f("pk_endpoint_hour")),
    )
    op.create_index(op.f("ix_member_community_id_last_login_at"), "member", ["community_id", "last_login_at"])
    # Those who are members now; who left before is not known.
    op.execute(
        "INSERT INTO community_hour (community_id, hour, joined, departed, logged_in, refused) "
        "SELECT community_id, created_at - created_at % 3600000, count(*), 0, 0, 0 FROM member GROUP BY 1, 2"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_member_community_id_last_login_at"), table_name="member")
    op.drop_table("endpoint_hour")
    op.drop_table("community_hour")
