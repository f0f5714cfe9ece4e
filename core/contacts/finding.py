"""Finding a contact by its id: to read it, or locked for a change."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.errors import Conflict, NotFound


def check_id(number: int) -> None:
    """Refuse what no row can have: SQLite and PostgreSQL fail on numbers beyond 64 bits. Raises NotFound."""
    if not 0 < number < 2**63:
        raise NotFound("There is nothing with this number.")


def find_contact(session: Session, contact_id: int) -> Contact:
    """The contact with this id, the merged ones included. Raises NotFound."""
    check_id(contact_id)
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


def kept_contact_id(session: Session, contact: Contact) -> int:
    """The id of the contact that a merged one is now part of (C2); its own when it was never merged."""
    while contact.merged_into_id is not None:
        contact = find_contact(session, contact.merged_into_id)
    return contact.id


def lock_contact(session: Session, contact_id: int) -> Contact:
    """The contact as it is now, its row held until the caller's transaction ends.

    Raises NotFound, and Conflict for a contact that was merged: what was meant for it would change nothing
    visible.
    """
    check_id(contact_id)
    # FOR UPDATE does nothing on SQLite, where the transaction holds the write lock anyway.
    statement = select(Contact).where(Contact.id == contact_id).with_for_update()
    contact = session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if contact is None:
        raise NotFound("There is no such contact.")
    if contact.merged_into_id is not None:
        raise Conflict("This contact was merged with another in the meantime.")
    return contact
