"""how long the phases of an attempt took; when an endpoint with a rate limit may be called again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PHASES = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms")


def upgrade() -> None:
    with op.batch_alter_table("attempt") as batch_op:
        for name in PHASES:
            batch_op.add_column(
                sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
            )
    with op.batch_alter_table("webhook_endpoint") as batch_op:
        batch_op.add_column(sa.Column("paced_until", sa.Double(), nullable=True))


# A table that is made anew (`recreate`) takes along, when the old one is dropped, all that refers to it by
# ON DELETE CASCADE.
def downgrade() -> None:
    with op.batch_alter_table("webhook_endpoint", recreate="never") as batch_op:
        batch_op.drop_column("paced_until")
    with op.batch_alter_table("attempt", recreate="never") as batch_op:
        for name in PHASES:
            batch_op.drop_column(name)
