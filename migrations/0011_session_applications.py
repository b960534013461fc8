"""Which applications a member was logged in to in a session."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "session_application",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_session_application_application_id_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["session.id"],
            name=op.f("fk_session_application_session_id_session"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "application_id", name=op.f("pk_session_application")),
    )
    op.create_index(op.f("ix_session_application_application_id"), "session_application", ["application_id"])


def downgrade() -> None:
    op.drop_table("session_application")
