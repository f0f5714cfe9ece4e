"""What search finds a contact by, kept with the contact: written anew whenever one of its parts changes.

The index over it follows in the database, in the same transaction (`core.contacts.search_index`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session, object_session

from core.contacts import likeness
from core.contacts.custom_fields.searching import searched_texts
from core.contacts.folding import name_key, search_text
from core.contacts.models import Contact

BATCH = 500


def refresh_search_text(contact: Contact) -> None:
    """Write what search looks through, what names are sorted by, and what likely duplicates are found by (C9).

    Name, address as typed and as compared, phone, city, custom fields, the addresses of contacts merged into this one.
    """
    session = object_session(contact)
    extra: Sequence[str] = ()
    # A contact without an id was made just now: nothing else can know it yet.
    if session is not None and contact.id is not None:
        extra = searched_texts(session, [contact.id]).get(contact.id, ())
    contact.name_sort = name_key(contact.name)
    contact.search_text = search_text(
        contact.name,
        contact.email,
        contact.email_key,
        contact.phone,
        contact.city,
        (*contact.aliases.splitlines(), *extra),
    )
    for column, value in likeness.keys_of({name: getattr(contact, name) for name in likeness.NEEDED}).items():
        setattr(contact, column, value)


def refresh_search_texts(session: Session, contact_ids: Sequence[int]) -> None:
    """The same for many contacts, in few statements, as after a change to what many of them have."""
    for start in range(0, len(contact_ids), BATCH):
        ids = contact_ids[start : start + BATCH]
        extra = searched_texts(session, ids)
        rows = session.execute(
            select(
                Contact.id,
                Contact.name,
                Contact.email,
                Contact.email_key,
                Contact.phone,
                Contact.city,
                Contact.aliases,
            ).where(Contact.id.in_(ids))
        )
        values = [
            {
                "of_id": row.id,
                "sort": name_key(row.name),
                "text": search_text(*row[1:6], (*row.aliases.splitlines(), *extra.get(row.id, ()))),
            }
            for row in rows
        ]
        if values:
            table = Contact.__table__
            session.connection().execute(
                update(table)  # type: ignore[arg-type]
                .where(table.c.id == bindparam("of_id"))
                .values(name_sort=bindparam("sort"), search_text=bindparam("text")),
                values,
            )
