"""The audit log knows whose account an entry is about, from which browser, and how often it happened."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MEMBER = "mem\\_%"


def upgrade() -> None:
    op.add_column("audit_entry", sa.Column("member_id", sa.String(), nullable=True))
    op.add_column("audit_entry", sa.Column("user_agent", sa.String(), nullable=True))
    op.add_column("audit_entry", sa.Column("tally_key", sa.String(), nullable=True))
    op.add_column("audit_entry", sa.Column("count", BIGINT, nullable=False, server_default="1"))
    op.add_column("audit_entry", sa.Column("last_at", BIGINT, nullable=True))
    entries = sa.table(
        "audit_entry",
        *(sa.column(name, sa.String()) for name in ("member_id", "target_id", "actor_id", "actor_type")),
    )
    of_target = entries.c.target_id.like(MEMBER, escape="\\")
    op.execute(entries.update().where(of_target).values(member_id=entries.c.target_id))
    of_actor = sa.and_(entries.c.member_id.is_(None), entries.c.actor_type == "member")
    op.execute(entries.update().where(of_actor).values(member_id=entries.c.actor_id))
    op.create_index(op.f("ix_audit_entry_member_id_seq"), "audit_entry", ["member_id", "seq"])
    op.create_index(op.f("ix_audit_entry_tally_key"), "audit_entry", ["tally_key"], unique=True)


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_entry_tally_key"), "audit_entry")
    op.drop_index(op.f("ix_audit_entry_member_id_seq"), "audit_entry")
    for column in ("last_at", "count", "tally_key", "user_agent", "member_id"):
        op.drop_column("audit_entry", column)
