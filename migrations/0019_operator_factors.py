"""Operators' second factors, and whether every operator needs one."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operator_app",
        sa.Column("operator_id", sa.String(), nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("confirmed_at", BIGINT, nullable=True),
        sa.Column("last_step", BIGINT, nullable=True),
        _operator("operator_app"),
        sa.PrimaryKeyConstraint("operator_id", name=op.f("pk_operator_app")),
    )
    op.create_table(
        "operator_passkey",
        sa.Column("seq", BIGINT, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("operator_id", sa.String(), nullable=False),
        sa.Column("credential_id", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", BIGINT, nullable=False),
        sa.Column("synced", sa.Boolean(), nullable=False),
        sa.Column("transports", sa.JSON(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("used_at", BIGINT, nullable=True),
        _operator("operator_passkey"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_operator_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_operator_passkey_credential_id")),
        sa.UniqueConstraint("id", name=op.f("uq_operator_passkey_id")),
    )
    op.create_table(
        "operator_pending_login",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("operator_id", sa.String(), nullable=False),
        sa.Column("methods", sa.JSON(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        _operator("operator_pending_login"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_operator_pending_login")),
    )
    op.create_table(
        "operator_recovery_code",
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("operator_id", sa.String(), nullable=False),
        _operator("operator_recovery_code"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_operator_recovery_code")),
    )
    for table in ("operator_passkey", "operator_pending_login", "operator_recovery_code"):
        op.create_index(op.f(f"ix_{table}_operator_id"), table, ["operator_id"])
    op.create_index(op.f("ix_operator_pending_login_expires_at"), "operator_pending_login", ["expires_at"])
    # Sessions from before have given no proof that is fresh.
    op.add_column("operator_session", sa.Column("proved_at", BIGINT, nullable=False, server_default="0"))
    # By ALTER TABLE: batch mode would drop the table, and everything with it.
    needed = sa.Column(
        "operators_need_second_factor", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("community", needed)


def downgrade() -> None:
    op.drop_column("community", "operators_need_second_factor")
    op.drop_column("operator_session", "proved_at")
    for table in ("operator_recovery_code", "operator_pending_login", "operator_passkey", "operator_app"):
        op.drop_table(table)


def _operator(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["operator_id"],
        ["operator.id"],
        name=op.f(f"fk_{table}_operator_id_operator"),
        ondelete="CASCADE",
    )
