"""Texts that quote a person although they are not about one: why a plugin failed, what a job remembers.

A table whose texts may do that says so: `__table_args__ = {"info": {"quotes": ("message",)}}` names the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.database.base import Base

QUOTES = "quotes"

SHORTEST = 4
"""Characters of a name or phone number that is looked for; shorter ones stand in any text."""

BLANK = "…"


def blank(session: Session, contact_ids: Sequence[int]) -> None:
    """Blank what quotes these contacts' names, addresses and phone numbers, before the contacts go."""
    words = words_of(session, contact_ids)
    session.flush()
    for table, names in quoting_tables():
        keys = list(table.primary_key.columns)
        columns = [table.c[name] for name in names]
        changes = []
        for row in session.execute(select(*keys, *columns)):
            before, key = row[len(keys) :], row[: len(keys)]
            after = [blanked(value, words) for value in before]
            if after != list(before):
                changes.append(
                    {f"key_{place}": value for place, value in enumerate(key)}
                    | {f"new_{name}": value for name, value in zip(names, after, strict=True)}
                )
        if changes:
            statement = update(table).values(
                {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
            )
            for place, column in enumerate(keys):
                statement = statement.where(column == bindparam(f"key_{place}", type_=column.type))
            session.connection().execute(statement, changes)
    session.expire_all()


def quoting_tables() -> Iterator[tuple[Table, tuple[str, ...]]]:
    """The tables that may quote people, with the columns in which they do."""
    for table in Base.metadata.sorted_tables:
        if table.info.get(QUOTES):
            yield table, tuple(table.info[QUOTES])


def blanked(value: Any, words: frozenset[str]) -> Any:
    """A text, or a JSON value, in which each text that holds one of the words is blank."""
    if isinstance(value, str):
        if not quoted(value, words):
            return value
        # The class of an error stays: it is what a plugin's author needs first.
        kind, colon, _ = value.partition(":")
        return f"{kind}: {BLANK}" if colon and kind.isidentifier() and not quoted(kind, words) else BLANK
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
