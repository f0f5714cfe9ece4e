"""Tables of plugins as files: written for a download, read from an upload, whatever program they are for or from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen
from litestar.response import Stream

from core.errors import InvalidInput
from core.transfer.cells import guard_cell, guard_column
from core.transfer.csv_files import csv_lines
from core.transfer.csv_reading import CsvSource, first_rows
from core.transfer.encodings import find_encoding
from core.transfer.exporting import FORMATS, Format
from core.transfer.recognising import DELIMITERS, JUDGED_ROWS, find_kind
from core.transfer.records import MAX_COLUMNS, Record, Source
from core.transfer.xlsx_reading import XlsxSource
from core.transfer.xlsx_writing import typed_row, xlsx_pieces

if TYPE_CHECKING:
    from core.web.requests import Request

BATCH = 500


Cell: TypeAlias = str | Decimal
"""A cell of a table: a text, or a number to reckon with."""


def table_pieces(
    format: Format, heads: Sequence[str], rows: Iterable[Sequence[Cell]], comma: bool = False
) -> Iterator[bytes]:
    """A table as a file, piece by piece: memory does not grow with the rows.

    Texts that a spreadsheet would run as formulas are made harmless (FEATURES I7). "excel" is CSV as a German Excel
    opens it: semicolons, a byte order mark, and with `comma` a comma before the decimals.
    """
    batches = _in_columns(rows, len(heads))
    if format == "xlsx":
        yield from xlsx_pieces(heads, batches, typed_row)
        return
    excel = format == "excel"
    delimiter = ";" if excel else ","
    if excel:
        yield b"\xef\xbb\xbf"
    yield csv_lines([guard_column(heads)], delimiter)
    for columns in batches:
        written = [[_written(cell, comma=comma and excel) for cell in cells] for cells in columns]
        yield csv_lines(zip(*written, strict=True), delimiter)


def _written(cell: Cell, *, comma: bool) -> str:
    if isinstance(cell, str):
        return guard_cell(cell)
    return str(cell).replace(".", ",") if comma else str(cell)


def _in_columns(rows: Iterable[Sequence[Cell]], width: int) -> Iterator[list[list[Cell]]]:
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        yield [[row[place] for row in batch] for place in range(width)]


def download_table(
    request: Request, name: str, format: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Stream:
    """Answer a table as a file to be saved, called `name` with the day and the ending; sent while `rows` are read.

    `format` is "csv", "excel" or "xlsx"; any other is the one that the reader's spreadsheet opens with a double click.
    """
    from core.contacts.models import now

    usual: Format = "excel" if request.language.code == "de" else "csv"
    kind = next((one for one in FORMATS if one == format), usual)
    media_type, ending = FORMATS[kind]
    day = f"{now().astimezone(request.site.settings.zone):%Y-%m-%d}"
    return Stream(
        table_pieces(kind, heads, rows, comma=request.language.code == "de"),
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{name}-{day}.{ending}"'},
    )


@frozen(kw_only=True)
class Table:
    """An open table: its `headings`, and by iterating its records, each with its line and perhaps a `problem`.

    `share()` says how much was read, from 0 to 1. Close it.
    """

    kind: str
    headings: Sequence[str]
    source: Source

    def __iter__(self) -> Iterator[Record]:
        return iter(self.source)

    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return self.source.share()

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()


def open_table(path: Path, known: Collection[str]) -> Table:
    """Open an uploaded CSV or XLSX file, whatever its encoding and delimiter (FEATURES I3).

    `known` are headings, in small letters, by which the delimiter is recognised. Raises InvalidInput for what is no
    table, or an empty one.
    """
    kind = find_kind(path)
    source: CsvSource | XlsxSource
    if kind == "xlsx":
        source = XlsxSource(path)
    elif kind == "csv":
        encoding = find_encoding(path).name
        source = CsvSource(path, encoding, _delimiter(path, encoding, known))
    else:
        raise InvalidInput("This is no table. Choose a CSV or XLSX file.", field="file")
    if not source.headings or len(source.headings) > MAX_COLUMNS:
        source.close()
        raise InvalidInput("There is nothing in this file.", field="file")
    return Table(kind=kind, headings=source.headings, source=source)


def _delimiter(path: Path, encoding: str, known: Collection[str]) -> str:
    def score(delimiter: str) -> tuple[int, int]:
        rows = first_rows(path, encoding, delimiter, JUDGED_ROWS)
        first = [cell.strip().casefold() for cell in rows[0]] if rows else []
        return sum(cell in known for cell in first), len(first)

    return max(DELIMITERS, key=score)
