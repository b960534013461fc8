"""What an application can set of its tokens, its subjects and its security; what grants are for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


# Every one by ALTER TABLE. Where batch mode makes the table anew on SQLite, dropping the old one takes along
# all that refers to it by ON DELETE CASCADE: every grant.
def _columns() -> dict[str, list[sa.Column]]:
    def text(name: str, default: str | None = None) -> sa.Column:
        return sa.Column(name, sa.String(), nullable=default is None, server_default=default)

    def flag(name: str) -> sa.Column:
        return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())

    def number(name: str, default: int) -> sa.Column:
        return sa.Column(name, BIGINT, nullable=False, server_default=str(default))

    def texts(name: str) -> sa.Column:
        return sa.Column(name, sa.JSON(), nullable=False, server_default="[]")

    return {
        "application": [
            text("previous_secret_hash"),
            sa.Column("previous_secret_expires_at", BIGINT, nullable=True),
            flag("require_pushed_authorization_requests"),
            flag("dpop_bound_access_tokens"),
            text("security_profile"),
            text("subject_type", "public"),
            text("sector_identifier_uri"),
            text("access_token_signing_alg", "RS256"),
            number("access_token_lifetime", 3600),
            number("id_token_lifetime", 3600),
            number("refresh_token_lifetime", 30 * 86_400),
            number("refresh_token_grace", 0),
            texts("resources"),
            flag("backchannel_logout_session_required"),
            text("client_uri"),
            text("logo_uri"),
            text("policy_uri"),
            text("tos_uri"),
        ],
        "grant": [texts("resources")],
        "authorization_code": [text("dpop_jkt")],
        "refresh_token": [text("successor_seed"), text("dpop_jkt")],
    }


def upgrade() -> None:
    op.execute("ALTER TABLE application RENAME COLUMN signing_algorithm TO id_token_signed_response_alg")
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)


def downgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)
    op.execute("ALTER TABLE application RENAME COLUMN id_token_signed_response_alg TO signing_algorithm")
