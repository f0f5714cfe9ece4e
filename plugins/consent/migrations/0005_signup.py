"""The count of sign-ups, against programs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "consent_sendings",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("hour", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "hour", name=op.f("pk_consent_sendings")),
    )
    op.create_index("ix_consent_sendings_hour", "consent_sendings", ["hour"], unique=False)


def downgrade() -> None:
    """Remove the table."""
    op.drop_index("ix_consent_sendings_hour", table_name="consent_sendings")
    op.drop_table("consent_sendings")
