"""What contacts are searched and sorted by: folded texts with an index, and indexes for sorting."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.contacts.folding import name_key, search_text
from core.contacts.search_index import drop_index, make_index

revision = "0006"
down_revision = "0005"

BATCH = 5000

MERGED: dict[str, Any] = {f"{name}_where": sa.text("merged_into_id IS NOT NULL") for name in ("sqlite", "postgresql")}


def upgrade() -> None:
    """Add the name to sort by, write the search texts anew, and make the indexes."""
    op.drop_index("ix_contacts_name", table_name="contacts")
    op.add_column(
        "contacts",
        sa.Column("name_sort", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
    )
    _fold()
    op.create_index("ix_contacts_name", "contacts", ["name_sort", "id"])
    op.create_index("ix_contacts_country", "contacts", [sa.text("nullif(country, '')"), "id"])
    op.create_index("ix_contacts_phone", "contacts", [sa.text("nullif(phone, '')"), "id"])
    op.drop_index("ix_contacts_merged_into_id", table_name="contacts")
    op.create_index("ix_contacts_merged", "contacts", ["merged_into_id"], **MERGED)
    make_index(op.get_bind())


def _fold() -> None:
    connection = op.get_bind()
    contacts = sa.table("contacts", *(sa.column(name) for name in ("id", *PARTS, "name_sort", "search_text")))
    last = 0
    while rows := connection.execute(
        sa.select(contacts.c.id, *(contacts.c[name] for name in PARTS))
        .where(contacts.c.id > last)
        .order_by(contacts.c.id)
        .limit(BATCH)
    ).all():
        connection.execute(
            contacts.update()
            .where(contacts.c.id == sa.bindparam("of_id"))
            .values(name_sort=sa.bindparam("sort"), search_text=sa.bindparam("text")),
            [{"of_id": row.id, "sort": name_key(row.name), "text": search_text(*row[1:])} for row in rows],
        )
        last = rows[-1].id


PARTS = ("name", "email", "email_key", "phone", "city")


def downgrade() -> None:
    """Take them away. Search texts stay folded; they are written anew as contacts change."""
    drop_index(op.get_bind())
    op.drop_index("ix_contacts_merged", table_name="contacts", **MERGED)
    op.create_index("ix_contacts_merged_into_id", "contacts", ["merged_into_id"])
    for name in ("phone", "country", "name"):
        op.drop_index(f"ix_contacts_{name}", table_name="contacts")
    # Not Alembic's way, which writes the table anew on SQLite: dropping the old one would erase what belongs to it.
    op.execute("ALTER TABLE contacts DROP COLUMN name_sort")
    op.create_index("ix_contacts_name", "contacts", [sa.text("nullif(lower(name), '')"), "id"])
