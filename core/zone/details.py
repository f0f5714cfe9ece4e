"""What a customer changes of their own details: at once, with „Kunde selbst“ as their origin, and in the log.

A lock (FEATURES C6) keeps orders and entries from changing what staff typed: there, nobody knows who filled the form.
Here the person has proved to be the one the details are about, so the lock holds nothing back, and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve
from sqlalchemy.orm import Session

from core.contacts.details import Origin
from core.contacts.editing import Edited, details_of, write_details
from core.contacts.finding import find_contact, lock_contact
from core.contacts.models import now
from core.errors import EditConflict
from core.i18n import LANGUAGES
from core.values import VISITOR, Details

if TYPE_CHECKING:
    from core.site import Site

KIND = "zone.edited"
"""Kind of the entry in the log, and of the details' origin."""


def change_own_details(session: Session, site: Site, contact_id: int, values: Details, version: int) -> Edited:
    """Write the details that a customer typed, in the caller's transaction.

    Raises EditConflict when they were changed since the form was opened (T-F1): then nothing is written.
    """
    contact = lock_contact(session, contact_id)
    stored = details_of(contact)
    if values.language not in LANGUAGES:
        # One of ours can be chosen; another, known from elsewhere, is not forgotten for that.
        values = evolve(values, language=contact.language)
    typed = {name: getattr(values, name) for name in stored}
    if stored == typed:
        return Edited(changed=frozenset(), version=contact.version)
    if contact.version != version:
        raise EditConflict(theirs=stored, yours=typed, version=contact.version)
    return write_details(session, site, contact, values, Origin(kind=KIND, since=now()), KIND, VISITOR)


def read_own_details(session: Session, contact_id: int) -> tuple[dict[str, str], int]:
    """The details by name, and their version."""
    contact = find_contact(session, contact_id)
    return details_of(contact), contact.version
