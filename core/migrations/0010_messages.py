"""Messages that are sent: the outbox, attachments, and texts to start from.

Columns are added in place. SQLite changes a constraint by making the table anew, and dropping the old one would take
the rows of other tables that refer to it along.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("purpose", sa.String(), nullable=False, server_default=""),
        sa.Column("necessary", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("recipient", sa.String(), nullable=False, server_default=""),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sa.String(), nullable=False, server_default=""),
        sa.Column("mail_id", sa.String(), nullable=True),
        sa.Column("in_reply_to", sa.String(), nullable=False, server_default=""),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=False, server_default=""),
        sa.Column("claimed_at", MOMENT, nullable=True),
        sa.Column("handed_at", MOMENT, nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.Column("reply", sa.String(), nullable=False, server_default=""),
        sa.Column("reply_by", sa.String(), nullable=False, server_default=""),
    ]


def upgrade() -> None:
    """Add what a message on its way out needs, and the table of texts."""
    op.execute(
        "ALTER TABLE messages ADD COLUMN state VARCHAR DEFAULT 'received' NOT NULL CONSTRAINT ck_messages_state "
        "CHECK (state IN ('received', 'queued', 'sending', 'sent', 'failed', 'unknown', 'withdrawn'))"
    )
    for column in _columns():
        op.add_column("messages", column)
    # What the site wrote before there was an outbox was handed on by other ways.
    op.execute("UPDATE messages SET state = 'sent' WHERE direction = 'out'")
    op.create_index(op.f("ix_messages_mail_id"), "messages", ["mail_id"], unique=True)
    op.create_index(op.f("ix_messages_idempotency_key"), "messages", ["idempotency_key"], unique=True)
    op.create_index("ix_messages_newest", "messages", ["occurred_at", "id"], unique=False)
    op.create_index("ix_messages_state", "messages", ["state", "next_at", "id"], unique=False)
    op.create_table(
        "message_files",
        sa.Column("file_id", BIG_INT, nullable=False),
        sa.Column("message_id", BIG_INT, nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_message_files_file_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_message_files_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_message_files")),
    )
    op.create_index(op.f("ix_message_files_message_id"), "message_files", ["message_id"], unique=False)
    op.create_table(
        "message_texts",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_texts")),
        sa.UniqueConstraint("name_key", name=op.f("uq_message_texts_name_key")),
    )


def downgrade() -> None:
    """Remove them; attachments stay as files of the contact."""
    op.drop_table("message_texts")
    op.drop_table("message_files")
    for index in (
        "ix_messages_state",
        "ix_messages_newest",
        op.f("ix_messages_idempotency_key"),
        op.f("ix_messages_mail_id"),
    ):
        op.drop_index(index, table_name="messages")
    for column in reversed(_columns()):
        op.drop_column("messages", column.name)
    op.drop_column("messages", "state")
