"""Reading CSV as it is found: any line ends, quoted or not, with rows that are broken (THREATS T-I2, T-I3).

The standard library's parser takes each row apart. What it can't do stands here: where a row ends when a quotation mark
is never closed. It would swallow the rest of the file; here the one line is refused, and the next one is a row again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from attrs import define, field

from core.transfer.records import (
    MAX_LINES,
    MAX_RECORD,
    MISQUOTED,
    NUL,
    RAGGED,
    TOO_LONG,
    UNCLOSED,
    UNREADABLE,
    CountedFile,
    Record,
)

PIECE = 1 << 16
"""Characters that are read at a time."""

_ODD = ('"', "\x00", "\ufffd")
"""What has to be looked at line by line."""


@define
class Lines:
    """The lines of a text, with their numbers; some can be put back and read again."""

    text: io.TextIOWrapper
    number: int = 0
    _waiting: list[str] = field(factory=list)
    _are_plain: bool = False

    def next(self) -> str:
        """The next line with its end, or "" after the last; of a line that is too long, more than `MAX_RECORD`."""
        if not self._waiting:
            self._read()
        if not self._waiting:
            return ""
        self.number += 1
        return self._waiting.pop()

    def plain(self) -> list[str]:
        """Many next lines, if each is surely a row of its own; else none, and they are to be read one by one."""
        if not self._waiting:
            self._read()
        if not self._are_plain:
            return []
        lines, self._waiting = self._waiting[::-1], []
        self.number += len(lines)
        return lines

    def put_back(self, lines: Sequence[str]) -> None:
        """Read these lines again."""
        self._waiting.extend(reversed(lines))
        self._are_plain = False
        self.number -= len(lines)

    def _read(self) -> None:
        """Read whole lines: what has no end for long is cut off, and its rest left out."""
        end = ""
        piece = self.text.read(PIECE)
        if piece:
            end = self.text.readline(MAX_RECORD + 1)
            piece += end
        lines = io.StringIO(piece, newline="").readlines()
        while len(end) > MAX_RECORD and not end.endswith(("\n", "\r")):
            end = self.text.readline(MAX_RECORD + 1)
        self._are_plain = not any(sign in piece for sign in _ODD) and max(map(len, lines), default=0) <= MAX_RECORD
        self._waiting = lines[::-1]


def split_cells(text: str, delimiter: str) -> list[str]:
    """The cells of one whole row. Raises csv.Error when its quotation marks do not fit, or are not closed."""
    return next(csv.reader((text,), delimiter=delimiter, strict=True), [])


class CsvSource:
    """The records of a CSV file. `headings` are its first row, empty without `header`."""

    def __init__(self, path: Path, encoding: str, delimiter: str, *, header: bool = True) -> None:
        self._file = CountedFile(path)
        # A byte that does not fit becomes U+FFFD, by which its row is known.
        text = io.TextIOWrapper(self._file.opened, encoding=encoding, errors="replace", newline="")
        self._lines = Lines(text)
        self._delimiter = delimiter
        self._columns = 0
        self.headings: list[str] = []
        self._skip_separator_line()
        if header:
            first = next(self._records(), None)
            self.headings = [cell.strip() for cell in first.cells] if first and not first.problem else []
            while self.headings and not self.headings[-1]:
                # Columns that a spreadsheet left behind, without a name and mostly without anything.
                self.headings.pop()
            self._columns = len(self.headings)

    def __iter__(self) -> Iterator[Record]:
        """The records after the heading; those that do not fit it come with a problem."""
        for record in self._records():
            if not record.problem and not any(record.cells):
                # A spreadsheet's empty row.
                continue
            count = len(record.cells)
            if not self._columns and not record.problem:
                self._columns = count
            if count > self._columns and not any(record.cells[self._columns :]):
                record = Record(record.line, record.cells[: self._columns], record.problem, record.words)
                count = self._columns
            if count != self._columns and not record.problem:
                words = {"cells": count, "columns": self._columns}
                record = Record(record.line, record.cells, RAGGED, words)
            yield record

    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return self._file.share()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _skip_separator_line(self) -> None:
        """Excel's own first line, which only names the delimiter."""
        line = self._lines.next()
        if not line.strip().lower().startswith("sep=") and line:
            self._lines.put_back([line])

    def _records(self) -> Iterator[Record]:
        lines = self._lines
        while True:
            if block := lines.plain():
                number = lines.number - len(block)
                for cells in csv.reader(block, delimiter=self._delimiter):
                    number += 1
                    if cells:
                        yield Record(number, cells)
                continue
            line = lines.next()
            if not line:
                return
            if not line.strip("\r\n"):
                continue
            if '"' not in line and len(line) <= MAX_RECORD:
                cells = next(csv.reader((line,), delimiter=self._delimiter))
                yield self._checked(lines.number, line, cells)
            else:
                yield self._quoted(line)

    def _quoted(self, line: str) -> Record:
        """The record that begins with this line, which has a quotation mark or is too long."""
        lines, start = self._lines, self._lines.number
        if len(line) > MAX_RECORD:
            return Record(start, [line[:200]], TOO_LONG)
        parts = [line]
        while True:
            text = "".join(parts)
            try:
                cells = split_cells(text, self._delimiter)
            except csv.Error as error:
                if "unexpected end" not in str(error):
                    if len(parts) == 1:
                        return Record(start, [text.rstrip("\r\n")], MISQUOTED)
                    # The next mark began a cell of its own: this one was never closed.
                    lines.put_back(parts[1:])
                    return Record(start, [line.rstrip("\r\n")], UNCLOSED)
            else:
                return self._checked(start, text, cells)
            more = self._up_to_quote(sum(map(len, parts)), MAX_LINES - len(parts))
            if not more:
                lines.put_back(parts[1:])
                return Record(start, [line.rstrip("\r\n")], UNCLOSED)
            parts += more

    def _up_to_quote(self, length: int, number: int) -> list[str]:
        """The next lines up to one with a quotation mark; none when the row would become too long without."""
        read: list[str] = []
        while len(read) < number and length <= MAX_RECORD:
            line = self._lines.next()
            if not line:
                break
            read.append(line)
            length += len(line)
            if '"' in line and length <= MAX_RECORD:
                return read
        self._lines.put_back(read)
        return []

    @staticmethod
    def _checked(line: int, text: str, cells: list[str]) -> Record:
        if "\x00" in text:
            return Record(line, [cell.replace("\x00", "␀") for cell in cells], NUL)
        if "\ufffd" in text:
            return Record(line, cells, UNREADABLE)
        return Record(line, cells)


def first_rows(path: Path, encoding: str, delimiter: str, number: int) -> list[list[str]]:
    """The first rows that can be read, the heading included: by which a delimiter is judged."""
    source = CsvSource(path, encoding, delimiter, header=False)
    try:
        return [list(record.cells) for record in islice(source._records(), number) if not record.problem]
    finally:
        source.close()
