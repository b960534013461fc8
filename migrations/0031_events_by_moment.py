"""Events are found by the moment at which they happened, which their publisher may have named."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_event_community_id_occurred_at"), "event", ["community_id", "occurred_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_event_community_id_occurred_at"), table_name="event")
