"""replays; events by type, and those of deleted members until they are expunged."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RUNNING = sa.text("state = 'running'")
_TO_EXPUNGE = sa.text("type = 'member.deleted' AND expunged_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "replay",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("since", _BIG, nullable=False),
        sa.Column("until", _BIG, nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("examined", _BIG, nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("finished_at", _BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_replay_community_id_community")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoint.id"],
            name=op.f("fk_replay_endpoint_id_webhook_endpoint"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_replay")),
        sa.UniqueConstraint("id", name=op.f("uq_replay_id")),
    )
    with op.batch_alter_table("replay") as batch_op:
        batch_op.create_index(batch_op.f("ix_replay_endpoint_id_seq"), ["endpoint_id", "seq"])
        batch_op.create_index(
            "ix_replay_running",
            ["endpoint_id"],
            unique=True,
            sqlite_where=_RUNNING,
            postgresql_where=_RUNNING,
        )
    op.add_column("event", sa.Column("expunged_at", _BIG, nullable=True))  # in place: the table is large
    op.create_index(op.f("ix_event_community_id_type_seq"), "event", ["community_id", "type", "seq"])
    op.create_index(
        "ix_event_to_expunge",
        "event",
        ["member_id"],
        sqlite_where=_TO_EXPUNGE,
        postgresql_where=_TO_EXPUNGE,
    )


def downgrade() -> None:
    op.drop_index("ix_event_to_expunge", "event")
    op.drop_index(op.f("ix_event_community_id_type_seq"), "event")
    op.drop_column("event", "expunged_at")
    op.drop_table("replay")
