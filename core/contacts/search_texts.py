"""What search finds a contact by, kept with the contact: written anew whenever one of its parts changes.

The index over it follows in the database, in the same transaction (`core.contacts.search_index`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session, object_session

from core.contacts.folding import name_key, search_text
from core.contacts.models import Contact

BATCH = 500


def aliases(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """The addresses of the contacts that were merged into each of these (FEATURES C2)."""
    found: dict[int, list[str]] = {}
    statement = select(Contact.merged_into_id, Contact.email).where(Contact.merged_into_id.in_(contact_ids))
    for contact_id, email in session.execute(statement):
        if contact_id is not None:
            found.setdefault(contact_id, []).append(email)
    return found


EXTRA_TEXTS: tuple[Callable[[Session, Sequence[int]], Mapping[int, Sequence[str]]], ...] = (aliases,)
"""What else than a contact's own details finds it: functions that answer texts by contact id."""


def extra_texts(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """The texts of all `EXTRA_TEXTS`, by contact id."""
    found: dict[int, list[str]] = {}
    for source in EXTRA_TEXTS:
        for contact_id, texts in source(session, contact_ids).items():
            found.setdefault(contact_id, []).extend(texts)
    return found


def refresh_search_text(contact: Contact) -> None:
    """Write what search looks through, and what names are sorted by, after the contact has changed."""
    session = object_session(contact)
    extra: Sequence[str] = ()
    # A contact without an id was made just now: nothing else can know it yet.
    if session is not None and contact.id is not None:
        extra = extra_texts(session, [contact.id]).get(contact.id, ())
    contact.name_sort = name_key(contact.name)
    contact.search_text = search_text(
        contact.name, contact.email, contact.email_key, contact.phone, contact.city, extra
    )


def refresh_search_texts(session: Session, contact_ids: Sequence[int]) -> None:
    """The same for many contacts, in few statements, as after a change to what many of them have."""
    for start in range(0, len(contact_ids), BATCH):
        ids = contact_ids[start : start + BATCH]
        extra = extra_texts(session, ids)
        rows = session.execute(
            select(Contact.id, Contact.name, Contact.email, Contact.email_key, Contact.phone, Contact.city).where(
                Contact.id.in_(ids)
            )
        )
        values = [
            {
                "of_id": row.id,
                "sort": name_key(row.name),
                "text": search_text(*row[1:], extra.get(row.id, ())),
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
