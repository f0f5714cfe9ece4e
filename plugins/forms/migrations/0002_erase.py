"""The address of an entry as it is compared, to find those in quarantine that belong to a contact."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core import InvalidEmail, parse_address

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column, and fill it."""
    op.add_column("forms_entries", sa.Column("email_key", sa.String(), nullable=True))
    op.create_index("ix_forms_entries_email_key", "forms_entries", ["email_key"], unique=False)
    entries = sa.table("forms_entries", sa.column("id"), sa.column("email"), sa.column("email_key"))
    connection = op.get_bind()
    for entry_id, email in connection.execute(sa.select(entries.c.id, entries.c.email)).all():
        try:
            key = parse_address(email).key
        except InvalidEmail:
            continue
        connection.execute(sa.update(entries).where(entries.c.id == entry_id).values(email_key=key))


def downgrade() -> None:
    """Remove the column."""
    op.drop_index("ix_forms_entries_email_key", table_name="forms_entries")
    op.drop_column("forms_entries", "email_key")
