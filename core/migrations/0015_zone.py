"""The Client Zone: links to sign in, sessions, attempts, and wishes to be deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "zone_attempts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_attempts")),
    )
    op.create_index("ix_zone_attempts_at", "zone_attempts", ["at"], unique=False)
    op.create_index("ix_zone_attempts_subject", "zone_attempts", ["subject", "at"], unique=False)
    op.create_table(
        "zone_deletions",
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("came_from", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_zone_deletions_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_zone_deletions")),
        info={"outside_merges": True},
    )
    op.create_index(op.f("ix_zone_deletions_due_at"), "zone_deletions", ["due_at"], unique=False)
    op.create_table(
        "zone_sessions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_zone_sessions_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_zone_sessions_token_hash")),
        info={"outside_merges": True},
    )
    op.create_index(op.f("ix_zone_sessions_contact_id"), "zone_sessions", ["contact_id"], unique=False)
    op.create_table(
        "zone_links",
        sa.Column("id", BIG, nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_zone_links_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_zone_links_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_links")),
        info={"outside_merges": True},
    )
    op.create_index(op.f("ix_zone_links_contact_id"), "zone_links", ["contact_id"], unique=False)
    op.create_index(op.f("ix_zone_links_message_id"), "zone_links", ["message_id"], unique=False)


def downgrade() -> None:
    """Remove the tables."""
    op.drop_index(op.f("ix_zone_links_message_id"), table_name="zone_links")
    op.drop_index(op.f("ix_zone_links_contact_id"), table_name="zone_links")
    op.drop_table("zone_links")
    op.drop_index(op.f("ix_zone_sessions_contact_id"), table_name="zone_sessions")
    op.drop_table("zone_sessions")
    op.drop_index(op.f("ix_zone_deletions_due_at"), table_name="zone_deletions")
    op.drop_table("zone_deletions")
    op.drop_index("ix_zone_attempts_subject", table_name="zone_attempts")
    op.drop_index("ix_zone_attempts_at", table_name="zone_attempts")
    op.drop_table("zone_attempts")
