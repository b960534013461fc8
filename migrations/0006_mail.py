"""mail: the outbox of letters to members."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("seq", MOMENT, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("letter", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempt_count", MOMENT, nullable=False),
        sa.Column("claims", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_mail_community_id_community")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_mail")),
        sa.UniqueConstraint("id", name=op.f("uq_mail_id")),
    )
    op.create_index("ix_mail_due", "mail", ["due_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_index("ix_mail_status", "mail", ["status", "seq"])


def downgrade() -> None:
    op.drop_index("ix_mail_status", "mail")
    op.drop_index("ix_mail_due", "mail", sqlite_where=DUE, postgresql_where=DUE)
    op.drop_table("mail")
