"""Erasings written down outside of the database, epochs of the contacts' numbers, numbers of messages given once."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

WITH = "PRIMARY KEY (id AUTOINCREMENT)"
WITHOUT = "PRIMARY KEY (id)"


def upgrade() -> None:
    """Make the tables."""
    epochs = op.create_table(
        "site_epochs",
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("above", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_site_epochs")),
        sa.UniqueConstraint("above", name=op.f("uq_site_epochs_above")),
    )
    # Bare on SQLite, as all times are there.
    moment = datetime.now(UTC)
    moment = moment.replace(tzinfo=None) if op.get_bind().dialect.name == "sqlite" else moment
    op.bulk_insert(epochs, [{"epoch": secrets.token_hex(8), "above": 0, "began_at": moment}])
    op.add_column("erased_contacts", sa.Column("journaled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_erased_contacts_unwritten",
        "erased_contacts",
        ["contact_id"],
        sqlite_where=sa.text("journaled_at IS NULL"),
        postgresql_where=sa.text("journaled_at IS NULL"),
    )
    _rebuild(WITHOUT, WITH)


def downgrade() -> None:
    """Remove the tables."""
    _rebuild(WITH, WITHOUT)
    op.drop_index("ix_erased_contacts_unwritten", table_name="erased_contacts")
    op.drop_column("erased_contacts", "journaled_at")
    op.drop_table("site_epochs")


def _rebuild(before: str, after: str) -> None:
    """Make the table of messages anew on SQLite, with another primary key (as 0009 does with contacts).

    Addresses that answers go to name a message by its number: given again, an answer to the mail of a person who was
    erased would stand in somebody else's thread. PostgreSQL never gives one again.
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    run = connection.exec_driver_sql
    (table,) = run("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'messages'").one()
    statement = "SELECT sql FROM sqlite_schema WHERE type <> 'table' AND tbl_name = 'messages' AND sql IS NOT NULL"
    others = run(statement).scalars().all()
    head, bracket, rest = table.partition("(")
    if "messages" not in head or before not in rest:
        raise RuntimeError(f"The table messages is not as expected: {table}")
    columns = ", ".join(f'"{row[1]}"' for row in run("PRAGMA table_info(messages)"))
    run(f"CREATE TABLE messages_new {bracket}{rest.replace(before, after, 1)}")
    run(f"INSERT INTO messages_new ({columns}) SELECT {columns} FROM messages")  # noqa: S608 (names of columns)
    run("DROP TABLE messages")
    # Else SQLite looks through the triggers of other tables, which refer to a table that is not there just now.
    run("PRAGMA legacy_alter_table=ON")
    run("ALTER TABLE messages_new RENAME TO messages")
    run("PRAGMA legacy_alter_table=OFF")
    for statement in others:
        run(statement)
