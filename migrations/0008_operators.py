"""operators, their sessions and invitations; members found by the start of their address."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operator",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("last_login_at", _BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_operator_community_id_community")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_operator")),
        sa.UniqueConstraint("community_id", "email_key", name=op.f("uq_operator_community_id_email_key")),
        sa.UniqueConstraint("id", name=op.f("uq_operator_id")),
    )
    op.create_table(
        "operator_session",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("operator_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("seen_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["operator.id"],
            name=op.f("fk_operator_session_operator_id_operator"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_operator_session")),
        sa.UniqueConstraint("id", name=op.f("uq_operator_session_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_operator_session_token_hash")),
    )
    op.create_index(op.f("ix_operator_session_expires_at"), "operator_session", ["expires_at"])
    op.create_index(op.f("ix_operator_session_operator_id"), "operator_session", ["operator_id"])
    op.create_table(
        "operator_invitation",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=True),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_operator_invitation_community_id_community")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_operator_invitation")),
        sa.UniqueConstraint("id", name=op.f("uq_operator_invitation_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_operator_invitation_token_hash")),
    )
    op.create_index(op.f("ix_operator_invitation_community_id"), "operator_invitation", ["community_id"])
    op.create_index(
        "ix_member_email_prefix", "member", ["email_key"], postgresql_ops={"email_key": "text_pattern_ops"}
    )


def downgrade() -> None:
    op.drop_index("ix_member_email_prefix", "member")
    op.drop_table("operator_invitation")
    op.drop_table("operator_session")
    op.drop_table("operator")
