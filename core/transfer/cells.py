"""Cells of a file: those a spreadsheet would run are made harmless, and come back unchanged (FEATURES I7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from operator import itemgetter

SUSPECT = frozenset("=+-@\t\r\n '＝＋－＠")
"""What a cell begins with that has to be looked at more closely; most begin with a letter or a digit."""

_RUN = frozenset("=+-@")
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])|'+\d")
# Other programs put one before numbers too, so that „01067“ keeps its nought.
_GUARDED = re.compile(r"'+(?:[\t\r\n]|\s*[=+\-@＝＋－＠]|\d)")


def guard_cell(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula.

    An apostrophe that was there already gets another one before it, so that `unguard_cell` gives back every text.
    """
    return f"'{text}" if text[:1] in SUSPECT and _FORMULA.match(text) else text


def unguard_cell(text: str) -> str:
    """The text as it was before `guard_cell`; other programs guard their cells in the same way."""
    return text[1:] if text[:1] == "'" and _GUARDED.match(text) else text


_first = itemgetter(slice(1))


def guard_column(values: Sequence[str]) -> Sequence[str]:
    """`guard_cell` for many at once."""
    if SUSPECT.isdisjoint(map(_first, values)):
        return values
    return [
        value if (first := value[:1]) not in SUSPECT else f"'{value}" if first in _RUN else guard_cell(value)
        for value in values
    ]


def join_words(words: Iterable[str]) -> str:
    """Several words in one cell, separated by commas; one with a separator or a quotation mark in it in quotes."""
    return ", ".join(f'"{word.replace(chr(34), chr(34) * 2)}"' if re.search(r'[",;]', word) else word for word in words)


_WORD = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?=[,;]|$)|([^,;]*))(?:[,;]|$)')


def split_words(cell: str) -> list[str]:
    """The words that `join_words` put into a cell; other programs separate theirs by commas or semicolons."""
    found = []
    for quoted, plain in _WORD.findall(cell):
        if word := (quoted.replace('""', '"') or plain).strip():
            found.append(word)
    return found
