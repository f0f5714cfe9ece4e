"""First tables: the tables of forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A fresh site has a contact form that works. Its texts are message ids until staff save it: they choose the
# words, and until then it speaks each visitor's language.
SAMPLE = {
    "slug": "contact",
    "name": "Contact",
    "intro": "Write to us. We usually answer within one working day.",
    "thanks": "Thank you for your message. We will answer soon.",
    "fields": [
        {"key": "name", "label": "Name", "kind": "name", "required": True, "choices": []},
        {"key": "email", "label": "E-mail address", "kind": "email", "required": True, "choices": []},
        {"key": "phone", "label": "Phone number", "kind": "tel", "required": False, "choices": []},
        {"key": "message", "label": "Message", "kind": "textarea", "required": True, "choices": []},
    ],
    "active": True,
    "is_sample": True,
    "version": 1,
}


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "forms_forms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("intro", sa.String(), nullable=False),
        sa.Column("thanks", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forms_forms")),
        sa.UniqueConstraint("slug", name=op.f("uq_forms_forms_slug")),
    )
    op.create_table(
        "forms_sending_counts",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("hour", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "hour", name=op.f("pk_forms_sending_counts")),
    )
    op.create_index("ix_forms_sending_counts_hour", "forms_sending_counts", ["hour"], unique=False)
    op.create_table(
        "forms_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("form_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("suspicion", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state = 'accepted' OR contact_id IS NULL",
            name=op.f("ck_forms_entries_quarantine_has_no_contact"),
        ),
        sa.CheckConstraint("state IN ('accepted', 'quarantined')", name=op.f("ck_forms_entries_state")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_forms_entries_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["form_id"], ["forms_forms.id"], name=op.f("fk_forms_entries_form_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forms_entries")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_forms_entries_idempotency_key")),
    )
    op.create_index(op.f("ix_forms_entries_contact_id"), "forms_entries", ["contact_id"], unique=False)
    op.create_index("ix_forms_entries_form", "forms_entries", ["form_id", "state", "occurred_at", "id"], unique=False)
    op.create_index("ix_forms_entries_list", "forms_entries", ["state", "occurred_at", "id"], unique=False)
    forms = sa.table(
        "forms_forms",
        sa.column("slug", sa.String()),
        sa.column("name", sa.String()),
        sa.column("intro", sa.String()),
        sa.column("thanks", sa.String()),
        sa.column("fields", sa.JSON()),
        sa.column("active", sa.Boolean()),
        sa.column("is_sample", sa.Boolean()),
        sa.column("version", sa.Integer()),
    )
    op.bulk_insert(forms, [SAMPLE])


def downgrade() -> None:
    """Remove the tables."""
    op.drop_index("ix_forms_entries_list", table_name="forms_entries")
    op.drop_index("ix_forms_entries_form", table_name="forms_entries")
    op.drop_index(op.f("ix_forms_entries_contact_id"), table_name="forms_entries")
    op.drop_table("forms_entries")
    op.drop_index("ix_forms_sending_counts_hour", table_name="forms_sending_counts")
    op.drop_table("forms_sending_counts")
    op.drop_table("forms_forms")
