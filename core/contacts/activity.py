"""Marking a contact inactive, and bringing it back (FEATURES C7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from core.contacts.finding import lock_contact
from core.contacts.log import add_activity
from core.contacts.models import now
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site


def deactivate_contact(session: Session, site: Site, contact_id: int, actor: Actor) -> bool:
    """Take a contact out of every list but the inactive ones; answers whether it was active.

    In the caller's transaction; logged, and told as `contact_deactivated`. Raises NotFound.
    """
    contact = lock_contact(session, contact_id)
    if contact.inactive_at is not None:
        return False
    contact.inactive_at = contact.updated_at = now()
    add_activity(session, contact_id, Activity(kind="contact.deactivated"), actor=actor)
    site.tell(session, "contact_deactivated", contact_id=contact_id)
    return True


def reactivate_contact(session: Session, contact_id: int, actor: Actor) -> bool:
    """Bring an inactive contact back into the lists; answers whether it was inactive. Raises NotFound."""
    contact = lock_contact(session, contact_id)
    if contact.inactive_at is None:
        return False
    contact.inactive_at, contact.updated_at = None, now()
    add_activity(session, contact_id, Activity(kind="contact.reactivated"), actor=actor)
    return True
