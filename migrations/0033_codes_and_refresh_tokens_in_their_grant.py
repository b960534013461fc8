"""Codes and refresh tokens are in the row of their grant, where a request changes one row instead of three.

What refresh tokens had been redeemed before is forgotten: the ones to come are told from each other by
their family.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODE = {
    "code_hash": sa.String(),
    "code_redirect_uri": sa.String(),
    "code_challenge": sa.String(),
    "code_jkt": sa.String(),
    "code_expires_at": BIGINT,
    "code_redeemed_at": BIGINT,
}
REFRESH = {
    "refresh_family": sa.String(),
    "refresh_hash": sa.String(),
    "refresh_issued_at": BIGINT,
    "refresh_seed": sa.String(),
    "refresh_jkt": sa.String(),
}
UNIQUE = ("code_hash", "refresh_family")


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the table, and with it all that hangs on it.
    for name, kind in {**CODE, **REFRESH}.items():
        op.add_column("grant", sa.Column(name, kind, nullable=True))
    op.add_column("grant", sa.Column("offline", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE \"grant\" SET offline = true WHERE ' ' || scope || ' ' LIKE '% offline_access %'")
    op.execute(
        'UPDATE "grant" SET code_hash = old.code_hash, code_redirect_uri = old.redirect_uri, '
        "code_challenge = old.code_challenge, code_jkt = old.dpop_jkt, "
        "code_expires_at = old.expires_at, code_redeemed_at = old.redeemed_at "
        'FROM authorization_code AS old WHERE old.grant_id = "grant".id'
    )
    op.execute(
        'UPDATE "grant" SET refresh_family = old.token_hash, refresh_hash = old.token_hash, '
        "refresh_issued_at = old.created_at, refresh_jkt = old.dpop_jkt "
        'FROM refresh_token AS old WHERE old.grant_id = "grant".id AND old.redeemed_at IS NULL'
    )
    for name in UNIQUE:
        present = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_grant_{name}", "grant", [name], unique=True, sqlite_where=present, postgresql_where=present
        )
    op.drop_table("authorization_code")
    op.drop_table("refresh_token")


def downgrade() -> None:
    op.create_table(
        "authorization_code",
        sa.Column("code_hash", sa.String(), nullable=False),
        *_of_a_grant("authorization_code"),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("code_challenge", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_authorization_code")),
    )
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.String(), nullable=False),
        *_of_a_grant("refresh_token"),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("successor_seed", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_token")),
    )
    for table in ("authorization_code", "refresh_token"):
        for name in ("expires_at", "grant_id"):
            op.create_index(op.f(f"ix_{table}_{name}"), table, [name])
    op.execute(
        "INSERT INTO authorization_code (code_hash, grant_id, application_id, redirect_uri, code_challenge, "
        "dpop_jkt, expires_at, redeemed_at) SELECT code_hash, id, application_id, code_redirect_uri, "
        "code_challenge, code_jkt, code_expires_at, code_redeemed_at "
        'FROM "grant" WHERE code_hash IS NOT NULL'
    )
    op.execute(
        "INSERT INTO refresh_token (token_hash, grant_id, application_id, created_at, expires_at, dpop_jkt) "
        "SELECT refresh_hash, id, application_id, refresh_issued_at, expires_at, refresh_jkt "
        'FROM "grant" WHERE refresh_hash IS NOT NULL'
    )
    for name in UNIQUE:
        op.drop_index(f"ix_grant_{name}", "grant")
    for name in ("offline", *CODE, *REFRESH):
        op.drop_column("grant", name)


def _of_a_grant(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("dpop_jkt", sa.String(), nullable=True),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("redeemed_at", BIGINT, nullable=True),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grant.id"], name=op.f(f"fk_{table}_grant_id_grant"), ondelete="CASCADE"
        ),
    ]
