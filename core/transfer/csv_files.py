"""Writing CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_lines(rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    """Rows as lines of UTF-8; the headings are such a row too."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def csv_columns(columns: Sequence[Sequence[str]], delimiter: str) -> bytes:
    """The same of columns: a column without anything that needs quotation marks, as most are, is not looked at closer.

    Quicker than `csv.writer`, which looks at each character of each cell; it writes the same.
    """
    if len(columns) == 1:
        # An empty line would be no row.
        return csv_lines(zip(*columns, strict=True), delimiter)
    ready = [_quoted(cells, delimiter) for cells in columns]
    return "".join([f"{line}\r\n" for line in map(delimiter.join, zip(*ready, strict=True))]).encode()


def _quoted(cells: Sequence[str], delimiter: str) -> Sequence[str]:
    together = "".join(cells)
    marks = [mark for mark in (delimiter, '"', "\n", "\r") if mark in together]
    return [_quote(cell, marks) for cell in cells] if marks else cells


def _quote(cell: str, marks: Sequence[str]) -> str:
    for mark in marks:
        if mark in cell:
            return f'"{cell.replace(chr(34), chr(34) * 2)}"'
    return cell
