"""Records: the rows of a file, one at a time, each with its line; whatever the file is (FEATURES I3, THREATS T-I3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Literal, Protocol

from attrs import define, field

from core.errors import InvalidInput

Kind = Literal["csv", "xlsx", "vcard", "paste"]

MAX_RECORD = 131_072
"""Characters of one row, and so of one cell; what is longer is a quotation mark that was never closed."""

MAX_LINES = 500
"""Lines that one row may go on for."""

MAX_COLUMNS = 500

UNREADABLE = "These characters can't be read in this encoding."
NUL = "This row has a character that can't be stored (NUL)."
TOO_LONG = "This row is too long."
UNCLOSED = "A quotation mark in this row is not closed."
MISQUOTED = "The quotation marks in this row do not fit."
RAGGED = "This row has %(cells)s cells, and the heading has %(columns)s."


# Not frozen: a million of them are made in one import, and a frozen one takes three times as long to make.
@define
class Record:
    """One row: `line` is where it begins. With `problem`, a message id filled by `words`, it can't be taken in."""

    line: int
    cells: Sequence[str]
    problem: str = ""
    words: Mapping[str, Any] = MappingProxyType({})


class Source(Protocol):
    """An open file of records."""

    def __iter__(self) -> Iterator[Record]:
        """The records after the heading, in their order."""

    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""

    def close(self) -> None:
        """Let go of the file."""


@define
class CountedFile:
    """A file that knows how much of it was read."""

    path: Path
    opened: IO[bytes] = field(init=False)
    size: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.opened = self.path.open("rb")
        self.size = max(self.path.stat().st_size, 1)

    def share(self) -> float:
        """How much was read, from 0 to 1."""
        return min(self.opened.tell() / self.size, 1.0)

    def close(self) -> None:
        """Let go of it."""
        self.opened.close()


def open_source(path: Path, kind: str, plan: Mapping[str, Any]) -> Source:
    """The records of a file as it was recognised or chosen to be read. Raises InvalidInput for what can't be read."""
    if kind == "csv":
        from core.transfer.csv_reading import CsvSource

        return CsvSource(path, plan["encoding"], plan["delimiter"], header=plan["header"])
    if kind == "xlsx":
        from core.transfer.xlsx_reading import XlsxSource

        return XlsxSource(path, header=plan["header"])
    if kind == "vcard":
        from core.transfer.vcard_reading import VcardSource

        return VcardSource(path, plan["encoding"], plan.get("headings"))
    if kind == "paste":
        from core.transfer.pasting import PasteSource

        return PasteSource(path)
    raise InvalidInput("This kind of file can't be imported.")
