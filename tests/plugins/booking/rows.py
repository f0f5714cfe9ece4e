"""What stands in the database, for tests to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from core import Site
from core.contacts.models import ContactActivity, ContactModule


def rows_of(site: Site, model: Any) -> int:
    """How many rows a table has."""
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def activities(site: Site, contact_id: int) -> Sequence[ContactActivity]:
    """A contact's log, oldest first."""
    with site.session() as session:
        return session.scalars(
            select(ContactActivity).where(ContactActivity.contact_id == contact_id).order_by(ContactActivity.id)
        ).all()


def modules_of(site: Site, contact_id: int) -> list[str]:
    """The modules a contact carries."""
    with site.session() as session:
        return list(session.scalars(select(ContactModule.module).where(ContactModule.contact_id == contact_id)))
