"""Merging contacts: what a merge changed, who are two people, and the keys by which likely duplicates are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

KEYS = ("aliases", "phone_key", "twin_key", "name_key", "place_key")

INDEXES = (
    ("phone_key", ("phone_key",), "merged_into_id IS NULL AND phone_key <> ''"),
    ("twin_key", ("twin_key",), "merged_into_id IS NULL"),
    ("name_place", ("name_key", "place_key"), "merged_into_id IS NULL AND name_key <> '' AND place_key <> ''"),
)

BATCH = 2000


def upgrade() -> None:
    """Make the tables and columns, and fill the keys of the contacts that are there."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for name in KEYS:
        # With a default, as there are rows. Not by copying the table: all that refers to it would be gone.
        op.add_column("contacts", sa.Column(name, sa.String(), nullable=False, server_default=""))
    _fill()
    for name, columns, condition in INDEXES:
        op.create_index(
            f"ix_contacts_{name}",
            "contacts",
            [*columns, "merged_into_id"],
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "contact_merges",
        sa.Column("id", big, nullable=False),
        sa.Column("kept_id", big, nullable=False),
        sa.Column("merged_id", big, nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("log_mark", big, nullable=False),
        sa.Column("customer_since", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["contacts.id"], name=op.f("fk_contact_merges_kept_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["merged_id"], ["contacts.id"], name=op.f("fk_contact_merges_merged_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_merges")),
    )
    op.create_index(op.f("ix_contact_merges_kept_id"), "contact_merges", ["kept_id"], unique=False)
    op.create_index(op.f("ix_contact_merges_merged_id"), "contact_merges", ["merged_id"], unique=False)
    op.create_table(
        "contact_merge_changes",
        sa.Column("merge_id", big, nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merge_id"], ["contact_merges.id"], name=op.f("fk_contact_merge_changes_merge_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merge_id", "table_name", name=op.f("pk_contact_merge_changes")),
    )
    op.create_table(
        "contact_distinct_pairs",
        sa.Column("low_id", big, nullable=False),
        sa.Column("high_id", big, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_contact_distinct_pairs_order")),
        sa.ForeignKeyConstraint(
            ["low_id"], ["contacts.id"], name=op.f("fk_contact_distinct_pairs_low_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["high_id"], ["contacts.id"], name=op.f("fk_contact_distinct_pairs_high_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("low_id", "high_id", name=op.f("pk_contact_distinct_pairs")),
    )
    op.create_index(op.f("ix_contact_distinct_pairs_high_id"), "contact_distinct_pairs", ["high_id"], unique=False)


def _fill() -> None:
    from core.contacts.likeness import NEEDED, keys_of

    connection = op.get_bind()
    names = ("id", *NEEDED, *KEYS[1:])
    contacts = sa.table("contacts", *(sa.column(name) for name in names))
    write = (
        sa.update(contacts)
        .where(contacts.c.id == sa.bindparam("row_id"))
        .values({name: sa.bindparam(f"new_{name}") for name in KEYS[1:]})
    )
    last = 0
    while rows := connection.execute(
        sa.select(*(contacts.c[name] for name in ("id", *NEEDED)))
        .where(contacts.c.id > last)
        .order_by(contacts.c.id)
        .limit(BATCH)
    ).all():
        made = [(row.id, keys_of(row._asdict())) for row in rows]
        connection.execute(
            write, [{"row_id": row_id, **{f"new_{name}": key for name, key in keys.items()}} for row_id, keys in made]
        )
        last = rows[-1].id


def downgrade() -> None:
    """Remove them. Merged contacts stay merged."""
    op.drop_table("contact_distinct_pairs")
    op.drop_table("contact_merge_changes")
    op.drop_table("contact_merges")
    for name, _, _ in INDEXES:
        op.drop_index(f"ix_contacts_{name}", table_name="contacts")
    for name in KEYS:
        op.drop_column("contacts", name)
