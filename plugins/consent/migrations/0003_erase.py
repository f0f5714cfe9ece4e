"""Who must not be written to although nothing is known of them any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "consent_suppressions",
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('marketing', 'system')", name=op.f("ck_consent_suppressions_purpose")),
        sa.CheckConstraint("state IN ('unsubscribed', 'bounced')", name=op.f("ck_consent_suppressions_state")),
        sa.PrimaryKeyConstraint("address_hash", "purpose", name=op.f("pk_consent_suppressions")),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("consent_suppressions")
