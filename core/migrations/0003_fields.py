"""Custom fields of contacts: the fields, their choices, and each contact's values."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

VALUES = ("text_key", "number", "day", "yes", "place")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "contact_fields",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("label_key", sa.String(), nullable=True),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("in_list", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('text', 'number', 'date', 'choice', 'yesno')", name=op.f("ck_contact_fields_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_fields")),
        sa.UniqueConstraint("label_key", name=op.f("uq_contact_fields_label_key")),
    )
    op.create_table(
        "contact_field_choices",
        sa.Column("id", ID, nullable=False),
        sa.Column("field_id", ID, nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("label_key", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["field_id"],
            ["contact_fields.id"],
            name=op.f("fk_contact_field_choices_field_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_field_choices")),
        sa.UniqueConstraint("field_id", "label_key", name="uq_contact_field_choices_label"),
    )
    op.create_table(
        "contact_field_values",
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("field_id", ID, nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("text_key", sa.String(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("yes", sa.Boolean(), nullable=True),
        sa.Column("choice_id", ID, nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["choice_id"],
            ["contact_field_choices.id"],
            name=op.f("fk_contact_field_values_choice_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_contact_field_values_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["field_id"], ["contact_fields.id"], name=op.f("fk_contact_field_values_field_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", "field_id", name=op.f("pk_contact_field_values")),
    )
    op.create_index(
        "ix_contact_field_values_choice",
        "contact_field_values",
        ["choice_id", "contact_id"],
        sqlite_where=sa.text("choice_id IS NOT NULL"),
        postgresql_where=sa.text("choice_id IS NOT NULL"),
    )
    op.create_index("ix_contact_field_values_field", "contact_field_values", ["field_id", "contact_id"])
    for column in VALUES:
        op.create_index(
            f"ix_contact_field_values_{column}",
            "contact_field_values",
            ["field_id", column, "contact_id"],
            sqlite_where=sa.text(f"{column} IS NOT NULL"),
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("contact_field_values")
    op.drop_table("contact_field_choices")
    op.drop_table("contact_fields")
