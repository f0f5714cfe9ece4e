"""Addresses pasted as text (FEATURES I1, THREATS T-I10): separated by commas, semicolons, spaces or new lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from core.transfer.records import Record

HEADINGS = ["email", "name"]

NO_ADDRESS = "There is no e-mail address in this."

# A piece ends at a separator that stands neither in quotation marks nor in angle brackets.
_PIECE = re.compile(r'(?:"[^"\n]*"|<[^>\n]*>|[^,;\n])+')
_NAMED = re.compile(r"\s*(?P<name>[^<>]*?)\s*<\s*(?P<email>[^<>]*?)\s*>\s*")


def split_mailbox(text: str) -> tuple[str, str]:
    """Name and address of „Anna Müller <anna@example.org>“; the name is empty where there is only an address."""
    found = _NAMED.fullmatch(text)
    if found is None:
        return "", text.strip().removeprefix("mailto:")
    return found["name"].strip("\"' "), found["email"].removeprefix("mailto:")


def split_pasted(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, address and name of everything that stands there; what is no address comes as it is."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        for found in _PIECE.finditer(line):
            piece = found[0].strip()
            if not piece:
                continue
            name, email = split_mailbox(piece)
            if _NAMED.fullmatch(piece):
                yield number, email, name
            else:
                for word in piece.split():
                    yield number, word.strip("<>\"'").removeprefix("mailto:") or word, ""


class PasteSource:
    """The records of a pasted text, which was stored as a file of UTF-8."""

    def __init__(self, path: Path) -> None:
        self.headings = list(HEADINGS)
        self._found = list(split_pasted(path.read_text(encoding="utf-8").replace("\x00", "␀")))
        self._read = 0

    def __iter__(self) -> Iterator[Record]:
        """A record for each address, and for each thing that is none."""
        for line, email, name in self._found:
            self._read += 1
            yield Record(line, [email, name], "" if "@" in email else NO_ADDRESS)

    def share(self) -> float:
        """How much was read, from 0 to 1."""
        return self._read / max(len(self._found), 1)

    def close(self) -> None:
        """Nothing is open."""
