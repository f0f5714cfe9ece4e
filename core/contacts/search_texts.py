"""What search finds a contact by, kept with the contact: written anew whenever one of its parts changes.

The index over it follows in the database, in the same transaction (`core.contacts.search_index`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session, object_session

from core.contacts import likeness
from core.contacts.custom_fields.searching import searched_texts
from core.contacts.folding import name_key, search_text
from core.contacts.models import Contact

BATCH = 500


DERIVED = ("name_sort", "search_text", *likeness.KEYS)
"""The columns of a contact that follow from its others."""

_SEARCHED = ("name", "email", "email_key", "phone", "city", "aliases")
_PARTS = tuple(dict.fromkeys((*_SEARCHED, *likeness.NEEDED)))


def derived_columns(values: Mapping[str, Any], more: Sequence[str] = ()) -> dict[str, str | None]:
    """What search looks through, what names are sorted by, and what likely duplicates are found by, of a contact's row.

    Name, address as typed and as compared, phone, city, the addresses of contacts merged into it, and `more`, the
    texts of its custom fields.
    """
    name, email, email_key, phone, city, aliases = [values.get(part) or "" for part in _SEARCHED]
    return {
        "name_sort": name_key(name),
        "search_text": search_text(name, email, email_key, phone, city, (*aliases.splitlines(), *more)),
        **likeness.keys_of(values),
    }


def refresh_search_text(contact: Contact) -> None:
    """Write the columns that follow from the others, after the contact has changed."""
    session = object_session(contact)
    more: Sequence[str] = ()
    # A contact without an id was made just now: nothing else can know it yet.
    if session is not None and contact.id is not None:
        more = searched_texts(session, [contact.id]).get(contact.id, ())
    for column, value in derived_columns({name: getattr(contact, name) for name in _PARTS}, more).items():
        setattr(contact, column, value)


def refresh_search_texts(session: Session, contact_ids: Sequence[int]) -> None:
    """The same for many contacts, in few statements, as after a change to what many of them have."""
    table: Table = Contact.__table__  # type: ignore[assignment]
    change = update(table).where(table.c.id == bindparam("of_id"))
    change = change.values({name: bindparam(f"new_{name}") for name in DERIVED})
    for start in range(0, len(contact_ids), BATCH):
        ids = contact_ids[start : start + BATCH]
        more = searched_texts(session, ids)
        asked = select(table.c.id, *(table.c[name] for name in _PARTS)).where(table.c.id.in_(ids))
        values = [
            {
                "of_id": row["id"],
                **{f"new_{name}": value for name, value in derived_columns(dict(row), more.get(row["id"], ())).items()},
            }
            for row in session.execute(asked).mappings()
        ]
        if values:
            session.connection().execute(change, values)
