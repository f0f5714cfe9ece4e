"""Texts that quote a person although they are not about one: why a plugin failed, what a job remembers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.jobs.models import QueuedJob
from core.state import PluginFailure

SHORTEST = 4
"""Characters of a name or phone number that is looked for; shorter ones stand in any text."""

BLANK = "…"


def blank(session: Session, contact_ids: Sequence[int]) -> None:
    """Blank what quotes these contacts' names, addresses and phone numbers, before the contacts go."""
    words = words_of(session, contact_ids)
    for failure in session.scalars(select(PluginFailure)):
        if quoted(failure.message, words):
            # The class of the error stays: it is what the plugin's author needs first.
            kind = failure.message.partition(":")[0]
            failure.message = BLANK if quoted(kind, words) else f"{kind}: {BLANK}"
    for job in session.scalars(select(QueuedJob)):
        for name in ("data", "result", "error"):
            before = getattr(job, name)
            after = blanked(before, words)
            if after != before:
                setattr(job, name, after)


def blanked(value: Any, words: frozenset[str]) -> Any:
    """A JSON value in which each text that holds one of the words is blank."""
    if isinstance(value, str):
        return BLANK if quoted(value, words) else value
    if isinstance(value, list):
        return [blanked(one, words) for one in value]
    if isinstance(value, dict):
        return {blanked(key, words): blanked(one, words) for key, one in value.items()}
    return value


def words_of(session: Session, contact_ids: Sequence[int]) -> frozenset[str]:
    """What a text would quote of these contacts, casefolded."""
    columns = (Contact.email, Contact.email_key, Contact.name, Contact.phone, Contact.street, Contact.street2)
    rows = session.execute(select(*columns).where(Contact.id.in_(contact_ids)))
    return frozenset(text.casefold() for row in rows for text in row if len(text) >= SHORTEST)


def quoted(text: str, words: frozenset[str]) -> bool:
    """Whether a text holds one of them."""
    folded = text.casefold()
    return any(word in folded for word in words)
