"""Finding a contact by its id: to read it, or locked for a change."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
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


MAX_TRIES = 50
"""How often a contact is looked for anew that others merge and separate in the meantime."""


def hold_address(session: Session, email_key: str) -> Contact | None:
    """The contact with this address or alias (C2), its row held until the transaction ends; None when there is none.

    Only the row of the contact that is meant is held, never an alias: whoever merges holds both in the order of
    their ids, and two who hold in different orders would wait for each other.
    """
    for _ in range(MAX_TRIES):
        held = _hold(session, Contact.email_key == email_key)
        if held is not None:
            return held
        row = session.execute(select(Contact.id, Contact.merged_into_id).where(Contact.email_key == email_key)).first()
        if row is None:
            return None
        held = _hold(session, Contact.id == _end_of(session, row.id))
        # It may have been separated again before the row was held.
        if held is not None and _end_of(session, row.id) == held.id:
            return held
    raise Conflict("This contact was merged with another in the meantime.")


def hold_contact(session: Session, contact_id: int) -> int:
    """The id of this contact, or of the one that it was merged into, its row held until the transaction ends.

    For whoever writes rows about a contact: hold it first, before any row of your own. Raises NotFound.
    """
    check_id(contact_id)
    for _ in range(MAX_TRIES):
        held = _hold(session, Contact.id == contact_id)
        if held is None:
            held = _hold(session, Contact.id == _end_of(session, contact_id))
        if held is not None and _end_of(session, contact_id) == held.id:
            return held.id
    raise Conflict("This contact was merged with another in the meantime.")


def current_contact_id(session: Session, contact_id: int) -> int:
    """The id of this contact, or of the one that it was merged into. Raises NotFound."""
    check_id(contact_id)
    return _end_of(session, contact_id)


def _hold(session: Session, which: ColumnElement[bool]) -> Contact | None:
    statement = select(Contact).where(which, Contact.merged_into_id.is_(None)).with_for_update()
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def _end_of(session: Session, contact_id: int) -> int:
    """Where the aliases lead that begin here. Raises NotFound."""
    passed: set[int] = set()
    while contact_id not in passed:
        passed.add(contact_id)
        row = session.execute(select(Contact.merged_into_id).where(Contact.id == contact_id)).first()
        if row is None:
            raise NotFound("There is no such contact.")
        if row.merged_into_id is None:
            return contact_id
        contact_id = row.merged_into_id
    raise Conflict("This contact was merged with another in the meantime.")
