"""Telling plugins about many contacts: one by one, and only when somebody listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from core.site import Site


def tell_each(session: Session, site: Site, hook: str, contact_ids: Select[tuple[int]], **values: object) -> None:
    """Tell an event with `contact_id` for each of the contacts, in the caller's transaction."""
    if site.listens(hook):
        for contact_id in session.scalars(contact_ids).all():
            site.tell(session, hook, contact_id=contact_id, **values)
