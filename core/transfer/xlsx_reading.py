"""Reading XLSX row by row, with openpyxl, which is imported only here (FEATURES I1)."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from core.errors import InvalidInput
from core.transfer.records import MAX_COLUMNS, MAX_RECORD, TOO_LONG, CountedFile, Record

MAX_UNPACKED = 2_000_000_000
"""Bytes of all parts of a workbook; a small file can hold a bomb."""

MAX_TEXTS = 60_000_000
"""Bytes of its shared texts, which are read into memory as a whole."""

_XSTRING = re.compile(r"_x((?!D[89A-Fa-f])[0-9A-Fa-f]{4})_", re.IGNORECASE)


def check_workbook(path: Path) -> None:
    """Raises InvalidInput for what is no workbook, or one that would take too much memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {part.filename: part.file_size for part in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InvalidInput("This file is damaged. Save it again and upload it once more.", field="file") from error
    if "xl/workbook.xml" not in parts:
        raise InvalidInput(
            "This is a packed file, but no XLSX workbook. Unpack it, or save the table as XLSX or CSV.", field="file"
        )
    if sum(parts.values()) > MAX_UNPACKED or parts.get("xl/sharedStrings.xml", 0) > MAX_TEXTS:
        raise InvalidInput("This workbook is too large to be read. Save the table as CSV.", field="file")


class XlsxSource:
    """The records of the first sheet that holds anything. `headings` are its first row, empty without `header`."""

    def __init__(self, path: Path, *, header: bool = True) -> None:
        from openpyxl import load_workbook

        check_workbook(path)
        self._file = CountedFile(path)
        self.headings: list[str] = []
        self._row, self._rows, self._columns = 0, 1, 0
        try:
            with warnings.catch_warnings():
                # About styles and extensions that it does not keep; only values are read here.
                warnings.simplefilter("ignore")
                self._book = load_workbook(self._file.opened, read_only=True, data_only=True)
                self._records = self._first_sheet()
        except InvalidInput:
            raise
        except Exception as error:
            self._file.close()
            raise InvalidInput("This workbook can't be read. Save the table as CSV.", field="file") from error
        if header:
            first = next(self._records, None)
            self.headings = [cell.strip() for cell in first.cells] if first else []
            while self.headings and not self.headings[-1]:
                self.headings.pop()
            self._columns = len(self.headings)

    def _first_sheet(self) -> Iterator[Record]:
        for sheet in self._book.worksheets:
            # What a sheet says of its own size is not believed: some programs write A1.
            sheet.reset_dimensions()
            records = self._read(sheet)
            first = next(records, None)
            if first is not None:
                return self._chained(first, records)
        return iter(())

    @staticmethod
    def _chained(first: Record, rest: Iterator[Record]) -> Iterator[Record]:
        yield first
        yield from rest

    def _read(self, sheet: Any) -> Iterator[Record]:
        for self._row, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            cells = [_text(value) for value in values[:MAX_COLUMNS]]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield Record(self._row, cells)

    def __iter__(self) -> Iterator[Record]:
        """The records after the heading. A sheet has no ragged rows: empty cells at the end are not stored."""
        for record in self._records:
            cells = list(record.cells)
            width = self._columns or len(cells)
            if sum(map(len, cells)) > MAX_RECORD:
                yield Record(record.line, [cell[:200] for cell in cells], TOO_LONG)
                continue
            cells += [""] * (width - len(cells))
            yield Record(record.line, cells[:width])

    def share(self) -> float:
        """How much was read, from 0 to 1: of the packed file, whose sheet is nearly all of it."""
        return self._file.share()

    def close(self) -> None:
        """Let go of the file."""
        self._book.close()
        self._file.close()


def _text(value: object) -> str:
    """A cell as text: whole numbers without decimals, times as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if "_x" in text:
        # How workbooks write what XML can't hold (ECMA-376 part 1, ST_Xstring).
        text = _XSTRING.sub(lambda found: chr(int(found[1], 16)), text).replace("\r", "")
    return text.replace("\x00", "")
