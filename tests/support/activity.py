"""What the activity log says of a contact."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.contacts.models import ContactActivity
from core.site import Site


def log_of(
    site: Site,
    contact_id: int,
    *columns: Any,
    kinds: str = "",
) -> list[tuple[Any, ...]]:
    """Kind and reference, or other columns, of a contact's entries in the order they were written.

    `kinds` is what the kinds looked for begin with.
    """
    wanted = columns or (ContactActivity.kind, ContactActivity.reference)
    statement = select(*wanted).where(ContactActivity.contact_id == contact_id, ContactActivity.kind.startswith(kinds))
    with site.session() as session:
        return [tuple(row) for row in session.execute(statement.order_by(ContactActivity.id))]
