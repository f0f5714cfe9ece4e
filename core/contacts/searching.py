"""What was typed into the search field, in SQL (FEATURES L5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import ColumnElement, Table, and_, column, or_, select, table

from core.contacts.folding import spellings
from core.contacts.models import Contact
from core.contacts.search_index import SQLITE_TABLE

contacts: Table = Contact.__table__  # type: ignore[assignment]
index = table(SQLITE_TABLE, column("rowid"), column(SQLITE_TABLE))

# Built once: a search is asked with every letter that is typed.
ROWIDS = select(index.c.rowid)
matches = index.c[SQLITE_TABLE].op("MATCH")

MAX_WORDS = 10
"""Words of a search that are looked for."""

LETTERS = 3
"""The index knows this many letters at a time: shorter words are looked for in every text."""

Word = tuple[str, ...]
"""A word in its spellings, one of which must be found."""


@frozen(kw_only=True)
class Search:
    """What a search asks of each contact. `hints` follow from the conditions, and name contacts by an index."""

    conditions: tuple[ColumnElement[bool], ...] = ()
    hints: tuple[ColumnElement[bool], ...] = ()


def search_conditions(text: str, *, is_sqlite: bool) -> Search:
    """Every word must be in the search text, in any of its spellings; a telephone number is found by its digits too.

    SQLite's index has to be asked for; it may answer too many contacts, never too few. PostgreSQL takes its own for
    LIKE.
    """
    words: list[Word] = [spellings(word) for word in text.split()[:MAX_WORDS]]
    if not words:
        return Search()
    ways = [words]
    digits = re.sub(r"\D", "", text).lstrip("0")
    if len(digits) >= LETTERS and re.fullmatch(r"[\d\s+()/.\-]+", text):
        # What is 0171/555 to one is +49 171 555 to the other: both hold the digits 171555.
        ways.append([(digits,)])
    found = _any([_all([_any([*map(_contains, word)]) for word in way]) for way in ways])
    asked = [_asked(way) for way in ways]
    if not is_sqlite or not all(asked):
        return Search(conditions=(found,))
    hits = ROWIDS.where(matches(" OR ".join(f"({one})" for one in asked)))
    return Search(conditions=(found,), hints=(contacts.c.id.in_(hits),))


def _any(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return or_(*conditions) if len(conditions) > 1 else conditions[0]


def _all(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return and_(*conditions) if len(conditions) > 1 else conditions[0]


def _contains(word: str) -> ColumnElement[bool]:
    escaped = re.sub(r"([%_\\])", r"\\\1", word)
    return contacts.c.search_text.like(f"%{escaped}%", escape="\\")


def _asked(words: list[Word]) -> str:
    """The question to the FTS5 index; empty when no word is long enough to ask."""
    return " AND ".join(
        "(" + " OR ".join(f"({_letters(spelling)})" for spelling in word) + ")"
        for word in words
        if all(len(spelling) >= LETTERS for spelling in word)
    )


def _letters(word: str) -> str:
    parts = dict.fromkeys(word[start : start + LETTERS] for start in range(len(word) - LETTERS + 1))
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in parts)
