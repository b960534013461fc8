"""ed25519 keys for webhooks; how an endpoint has a new plan called."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook_key",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("private_key", sa.String(), nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_webhook_key_community_id_community")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_webhook_key")),
        sa.UniqueConstraint("id", name=op.f("uq_webhook_key_id")),
    )
    with op.batch_alter_table("webhook_key") as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_key_community_id"), ["community_id"])
    plan_event = sa.Column("plan_event", sa.String(), nullable=False, server_default="member.plan.created")
    op.add_column("webhook_endpoint", plan_event)
    op.add_column(
        "webhook_endpoint", sa.Column("v1a", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("webhook_endpoint", "v1a")
    op.drop_column("webhook_endpoint", "plan_event")
    op.drop_table("webhook_key")
