"""Texts that quote a person although they are not about one: what a plugin said when it failed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.state import PluginFailure

SHORTEST = 4
"""Characters of a name or phone number that is looked for; shorter ones stand in any text."""

BLANK = "…"


def blank(session: Session, contact_ids: Sequence[int]) -> None:
    """Blank what quotes these contacts' names, addresses and phone numbers, before the contacts go."""
    failures = session.scalars(select(PluginFailure)).all()
    if not failures:
        return
    words = words_of(session, contact_ids)
    for failure in failures:
        if quoted(failure.message, words):
            # The class of the error stays: it is what the plugin's author needs first.
            failure.message = f"{failure.message.partition(':')[0]}: {BLANK}"
            if quoted(failure.message, words):
                failure.message = BLANK


def words_of(session: Session, contact_ids: Sequence[int]) -> frozenset[str]:
    """What a text would quote of these contacts, casefolded."""
    columns = (Contact.email, Contact.email_key, Contact.name, Contact.phone, Contact.street, Contact.street2)
    rows = session.execute(select(*columns).where(Contact.id.in_(contact_ids)))
    return frozenset(text.casefold() for row in rows for text in row if len(text) >= SHORTEST)


def quoted(text: str, words: frozenset[str]) -> bool:
    """Whether a text holds one of them."""
    folded = text.casefold()
    return any(word in folded for word in words)
