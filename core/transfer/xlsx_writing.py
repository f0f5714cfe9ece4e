"""Writing XLSX as a stream (ECMA-376): nothing is kept but the piece at hand.

A library would collect the sheet in memory or in a file of its own first; what a table of texts needs of the format is
little. Reading is left to openpyxl.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any, cast

from attrs import define, field

MAX_ROWS = 1_048_576
"""Rows of one sheet (ECMA-376; Excel's own limit); the rest goes on in a further sheet, under the headings again."""

MAX_CELL = 32_767
"""Characters of one cell that Excel shows."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SHEET = (
    f'{_HEAD}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
    'state="frozen"/></sheetView></sheetViews><sheetData>'
)
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
    # 4 is #,##0.00 in the reader's own language (ECMA-376 part 1, 18.8.30).
    '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

# XML 1.0 has no way to write these; Excel's own is _x0000_, and an underscore that looks like it is written so too.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]|\r|_(?=x[0-9A-Fa-f]{4}_)")
_SPECIAL = re.compile(r"[&<>\x00-\x08\x0b-\x1f_\ufffe\uffff\ud800-\udfff]")


def _text(value: str) -> str:
    if not _SPECIAL.search(value):
        return value
    written = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", written)


@define
class _Piece:
    """A file that zipfile writes into and that is emptied as it is sent."""

    parts: list[bytes] = field(factory=list)

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken = b"".join(self.parts)
        self.parts.clear()
        return taken


def xlsx_pieces(
    heads: Sequence[str],
    batches: Iterable[Sequence[Sequence[Any]]],
    row: Callable[[Sequence[Any]], str] | None = None,
) -> Iterator[bytes]:
    """A workbook, piece by piece. `batches` are columns of cells, some rows at a time: texts, or with `typed_row` also
    numbers.
    """
    row = row or _row
    target = _Piece()
    heading = _row(heads, style=1)
    with zipfile.ZipFile(cast(IO[bytes], target), "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        number, rows = 1, 1
        sheet = _open_sheet(archive, number, heading)
        for columns in batches:
            lines = list(zip(*columns, strict=True))
            while lines:
                if rows == MAX_ROWS:
                    _close_sheet(sheet)
                    number, rows = number + 1, 1
                    sheet = _open_sheet(archive, number, heading)
                now, lines = lines[: MAX_ROWS - rows], lines[MAX_ROWS - rows :]
                rows += len(now)
                sheet.write("".join(map(row, now)).encode())
            if piece := target.take():
                yield piece
        _close_sheet(sheet)
        for name, content in _frame(number):
            archive.writestr(_part(name), content)
    yield target.take()


def _row(cells: Sequence[str], style: int = 0) -> str:
    mark = f' s="{style}"' if style else ""
    return (
        "<row>"
        + "".join(
            f'<c t="inlineStr"{mark}><is><t xml:space="preserve">{_text(cell[:MAX_CELL])}</t></is></c>'
            if cell
            else "<c/>"
            for cell in cells
        )
        + "</row>"
    )


def typed_row(cells: Sequence[str | Decimal]) -> str:
    """A row with numbers in it, with which a spreadsheet can reckon."""
    return (
        "<row>"
        + "".join(
            f'<c s="2"><v>{cell}</v></c>' if isinstance(cell, Decimal) else _row([cell])[len("<row>") : -len("</row>")]
            for cell in cells
        )
        + "</row>"
    )


def _open_sheet(archive: zipfile.ZipFile, number: int, heading: str) -> IO[bytes]:
    sheet = archive.open(_part(f"xl/worksheets/sheet{number}.xml"), "w")
    sheet.write((_SHEET + heading).encode())
    return sheet


def _part(name: str) -> zipfile.ZipInfo:
    # Without the time of writing: the same contacts make the same file.
    part = zipfile.ZipInfo(name)
    part.compress_type = zipfile.ZIP_DEFLATED
    return part


def _close_sheet(sheet: IO[bytes]) -> None:
    sheet.write(b"</sheetData></worksheet>")
    sheet.close()


def _frame(sheets: int) -> Iterator[tuple[str, str]]:
    """The other parts that a workbook has to have."""
    numbers = range(1, sheets + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{one}.xml" ContentType="{_TYPES}worksheet+xml"/>' for one in numbers
    )
    yield (
        "[Content_Types].xml",
        f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}styles+xml"/>{overrides}</Types>',
    )
    yield (
        "_rels/.rels",
        f'{_HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    )
    named = "".join(f'<sheet name="Sheet{one}" sheetId="{one}" r:id="rId{one}"/>' for one in numbers)
    yield (
        "xl/workbook.xml",
        f'{_HEAD}<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        f'xmlns:r="{_RELATIONS}"><sheets>{named}</sheets></workbook>',
    )
    links = "".join(
        f'<Relationship Id="rId{one}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{one}.xml"/>'
        for one in numbers
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{links}'
        f'<Relationship Id="rId{sheets + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    )
    yield "xl/styles.xml", _STYLES
