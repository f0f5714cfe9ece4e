"""The tables of points and of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sample_plugin_points",
        sa.Column("contact_id", BIG, sa.ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("points", sa.Integer(), nullable=False),
    )
    op.create_index("ix_sample_plugin_points_points", "sample_plugin_points", ["points"])
    op.create_table(
        "sample_plugin_heard",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("hook", sa.String(), nullable=False),
        sa.Column("contact_id", sa.BigInteger()),
        sa.Column("detail", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("sample_plugin_heard")
    op.drop_table("sample_plugin_points")
