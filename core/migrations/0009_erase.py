"""Receipts of erasing, notes that can be edited, and numbers that are never given twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NUMBERED = ("contacts", "contact_notes", "files")
WITH = "PRIMARY KEY (id AUTOINCREMENT)"
WITHOUT = "PRIMARY KEY (id)"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "erasure_receipts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_receipts")),
        sa.UniqueConstraint("occasion", name=op.f("uq_erasure_receipts_occasion")),
    )
    op.create_table(
        "erasure_receipt_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receipt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind IN ('erased', 'kept', 'missing')", name=op.f("ck_erasure_receipt_lines_kind")),
        sa.ForeignKeyConstraint(
            ["receipt_id"],
            ["erasure_receipts.id"],
            name=op.f("fk_erasure_receipt_lines_receipt_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_receipt_lines")),
    )
    op.create_index("ix_erasure_receipt_lines_receipt_id", "erasure_receipt_lines", ["receipt_id"], unique=False)
    op.create_table(
        "erased_contacts",
        sa.Column(
            "contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("receipt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["erasure_receipts.id"], name=op.f("fk_erased_contacts_receipt_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_erased_contacts")),
    )
    op.create_index("ix_erased_contacts_receipt_id", "erased_contacts", ["receipt_id"], unique=False)
    op.add_column("contact_notes", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    for name in NUMBERED:
        _rebuild(name, WITHOUT, WITH)


def downgrade() -> None:
    """Remove the tables."""
    for name in NUMBERED:
        _rebuild(name, WITH, WITHOUT)
    op.drop_column("contact_notes", "edited_at")
    op.drop_index("ix_erased_contacts_receipt_id", table_name="erased_contacts")
    op.drop_table("erased_contacts")
    op.drop_index("ix_erasure_receipt_lines_receipt_id", table_name="erasure_receipt_lines")
    op.drop_table("erasure_receipt_lines")
    op.drop_table("erasure_receipts")


def _rebuild(name: str, before: str, after: str) -> None:
    """Make a table anew on SQLite, with another primary key.

    Without AUTOINCREMENT, SQLite gives the number of the newest contact again once that one is erased: a page that is
    still open, or a link in an old e-mail, would then mean another person. PostgreSQL never does.
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    run = connection.exec_driver_sql
    # As it stands in the database, with whatever other migrations have added; by hand, because SQLAlchemy can't read
    # an index on an expression.
    (table,) = run("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,)).one()
    statement = "SELECT sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? AND sql IS NOT NULL"
    others = run(statement, (name,)).scalars().all()
    head, bracket, rest = table.partition("(")
    if name not in head or before not in rest:
        raise RuntimeError(f"The table {name} is not as expected: {table}")
    columns = ", ".join(f'"{row[1]}"' for row in run(f"PRAGMA table_info({name})"))
    run(f"CREATE TABLE {name}_new {bracket}{rest.replace(before, after, 1)}")
    run(f"INSERT INTO {name}_new ({columns}) SELECT {columns} FROM {name}")  # noqa: S608 (names of columns)
    run(f"DROP TABLE {name}")
    # Else SQLite looks through the triggers of other tables, which refer to a table that is not there just now.
    run("PRAGMA legacy_alter_table=ON")
    run(f"ALTER TABLE {name}_new RENAME TO {name}")
    run("PRAGMA legacy_alter_table=OFF")
    for statement in others:
        run(statement)
