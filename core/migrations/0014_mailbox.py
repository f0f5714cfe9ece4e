"""Mails that come in: what a message keeps of them, who takes care of a thread, and the mailbox.

Columns are added in place, as in 0010.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("bounced_at", MOMENT, nullable=True),
        sa.Column("sender_name", sa.String(), nullable=False, server_default=""),
        sa.Column("sender_email", sa.String(), nullable=False, server_default=""),
        sa.Column("source_id", sa.String(), nullable=False, server_default=""),
        sa.Column("html", sa.String(), nullable=False, server_default=""),
        sa.Column("automatic", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    ]


def upgrade() -> None:
    """Add the columns and make the tables."""
    for column in _columns():
        op.add_column("messages", column)
    op.create_table(
        "message_threads",
        sa.Column("contact_id", BIG_INT, nullable=False, autoincrement=False),
        sa.Column("assignee_id", BIG_INT, nullable=False),
        sa.Column("assigned_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_message_threads_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["staff_accounts.id"], name=op.f("fk_message_threads_assignee_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_message_threads")),
    )
    op.create_index(op.f("ix_message_threads_assignee_id"), "message_threads", ["assignee_id"], unique=False)
    op.create_table(
        "mailbox_taken",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_taken")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_mailbox_taken_fingerprint")),
    )
    op.create_table(
        "mailbox_positions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("renumbered_to", sa.BigInteger(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("looked_at", MOMENT, nullable=True),
        sa.Column("failed_at", MOMENT, nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mailbox_positions")),
    )
    op.create_table(
        "mailbox_pile",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("sender_email", sa.String(), nullable=False),
        sa.Column("sender_key", sa.String(), nullable=False),
        sa.Column("sender_name", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("came_at", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("stored_name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_pile")),
        sa.UniqueConstraint("stored_name", name=op.f("uq_mailbox_pile_stored_name")),
    )
    op.create_index("ix_mailbox_pile_came", "mailbox_pile", ["came_at", "id"], unique=False)
    op.create_index(
        "ix_mailbox_pile_unread",
        "mailbox_pile",
        ["id"],
        unique=False,
        sqlite_where=sa.text("read_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index(op.f("ix_mailbox_pile_sender_key"), "mailbox_pile", ["sender_key"], unique=False)


def downgrade() -> None:
    """Remove them; mails that were put into threads stay there as messages."""
    op.drop_table("mailbox_pile")
    op.drop_table("mailbox_positions")
    op.drop_table("mailbox_taken")
    op.drop_table("message_threads")
    for column in reversed(_columns()):
        op.drop_column("messages", column.name)
