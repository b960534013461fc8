"""How long the tokens of a community's new applications work, unless these say otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = ("access_token_lifetime", "id_token_lifetime", "refresh_token_lifetime")


def upgrade() -> None:
    # By ALTER TABLE: batch mode would drop the table, and with it all that hangs on it.
    for name in COLUMNS:
        op.add_column("community", sa.Column(name, BIGINT, nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("community", name)
