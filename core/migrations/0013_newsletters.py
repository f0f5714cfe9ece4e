"""Newsletters: one message to many, and what it makes of the messages.

Columns are added in place, as in 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and add the columns."""
    op.create_table(
        "newsletters",
        sa.Column("id", BIG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("segment_id", BIG, nullable=True),
        sa.Column("audience_name", sa.String(), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=False),
        sa.Column("author_id", BIG, nullable=True),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("once", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('draft', 'sending', 'stopped', 'sent')", name=op.f("ck_newsletters_state")),
        sa.CheckConstraint("audience IN ('all', 'segment', 'selection')", name=op.f("ck_newsletters_audience")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletters")),
        sa.UniqueConstraint("once", name=op.f("uq_newsletters_once")),
    )
    op.create_index("ix_newsletters_state", "newsletters", ["state"], unique=False)
    op.create_table(
        "newsletter_recipients",
        sa.Column("newsletter_id", BIG, nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reason_by", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'queued', 'left_out')", name=op.f("ck_newsletter_recipients_state")),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contacts.id"],
            name=op.f("fk_newsletter_recipients_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletters.id"],
            name=op.f("fk_newsletter_recipients_newsletter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "contact_id", name=op.f("pk_newsletter_recipients")),
    )
    op.create_index(op.f("ix_newsletter_recipients_contact_id"), "newsletter_recipients", ["contact_id"], unique=False)
    op.create_index(
        "ix_newsletter_recipients_state",
        "newsletter_recipients",
        ["newsletter_id", "state", "reason", "contact_id"],
        unique=False,
    )
    op.create_table(
        "newsletter_files",
        sa.Column("id", BIG, nullable=False),
        sa.Column("newsletter_id", BIG, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("stored_name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletters.id"],
            name=op.f("fk_newsletter_files_newsletter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter_files")),
        sa.UniqueConstraint("stored_name", name=op.f("uq_newsletter_files_stored_name")),
    )
    op.create_index(op.f("ix_newsletter_files_newsletter_id"), "newsletter_files", ["newsletter_id"], unique=False)

    op.add_column("messages", sa.Column("topic", sa.String(), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("newsletter_id", BIG, nullable=True))
    op.add_column("messages", sa.Column("unsubscribed_at", MOMENT, nullable=True))
    for name, column in (("ix_messages_newsletter", "state"), ("ix_messages_newsletter_contact", "contact_id")):
        op.create_index(
            name,
            "messages",
            ["newsletter_id", column],
            unique=False,
            sqlite_where=sa.text("newsletter_id IS NOT NULL"),
            postgresql_where=sa.text("newsletter_id IS NOT NULL"),
        )


def downgrade() -> None:
    """Remove them; the letters stay, as messages like any other."""
    op.drop_index("ix_messages_newsletter_contact", table_name="messages")
    op.drop_index("ix_messages_newsletter", table_name="messages")
    op.drop_column("messages", "unsubscribed_at")
    op.drop_column("messages", "newsletter_id")
    op.drop_column("messages", "topic")
    for table in ("newsletter_files", "newsletter_recipients", "newsletters"):
        op.drop_table(table)
