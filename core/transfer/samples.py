"""Files about an import: the sample with this site's headings, and the refused rows to be mended (FEATURES I2, I4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from core.i18n import Language
from core.transfer.cells import guard_cell, unguard_cell
from core.transfer.csv_files import csv_lines
from core.transfer.exporting import Format
from core.transfer.fields import file_fields
from core.transfer.imports import problems_of
from core.transfer.layout import OWN, FileColumn, headings
from core.transfer.mapping import CHOICE, Allows, targets
from core.transfer.models import ContactImport
from core.transfer.xlsx_writing import xlsx_pieces

if TYPE_CHECKING:
    from core.site import Site

PEOPLE = (
    {
        "email": "erika.mustermann@example.org",
        "name": "Erika Mustermann",
        "phone": "+49 228 5550100",
        "street": "Heidestraße 17",
        "street2": "2. OG",
        "postal_code": "51147",
        "city": "Köln",
        "country": "DE",
        "language": "de",
        "tags": "VIP, Newsletter",
        "joined": "2024-03-01",
    },
    {"email": "max@example.org", "name": "Max Beispiel", "city": "Wien", "country": "AT"},
)
"""People of the sample, who do not exist (RFC 2606)."""

PAGE = 1000


def sample_columns(site: Site, allows: Allows) -> list[FileColumn]:
    """Everything that this person may bring into this site, plugins' and custom fields included."""
    own = {column.key for column in OWN}
    offered = targets(site, allows)
    fields = file_fields(site)
    return [
        FileColumn(key=key.removeprefix(CHOICE), label=label)
        for key, label in offered.items()
        if key in own or key in fields or key.startswith(CHOICE)
    ]


def sample_pieces(site: Site, kind: Format, language: Language, allows: Allows) -> Iterator[bytes]:
    """The sample file."""
    columns = sample_columns(site, allows)
    heads = headings(columns, language)
    rows = [[person.get(column.key, "") for column in columns] for person in PEOPLE]
    if kind == "xlsx":
        yield from xlsx_pieces(heads, [list(zip(*rows, strict=True))])
        return
    if kind == "excel":
        yield b"\xef\xbb\xbf"
    yield csv_lines([heads, *([guard_cell(cell) for cell in row] for row in rows)], ";" if kind == "excel" else ",")


def refused_pieces(site: Site, row: ContactImport, language: Language) -> Iterator[bytes]:
    """The refused rows of an import as they were read, with line and reason before them."""
    delimiter = row.plan["delimiter"] if row.kind == "csv" else ";" if language.code == "de" else ","
    yield b"\xef\xbb\xbf"
    heads = [head or f"#{place}" for place, head in enumerate(row.plan["headings"], start=1)]
    yield csv_lines([[language.text("Row"), language.text("Reason"), *map(guard_cell, heads)]], delimiter)
    after = (0, 0)
    while True:
        with site.session() as session:
            found = problems_of(session, row.id, refused=True, after=after, limit=PAGE)
        if not found:
            return
        after = (found[-1].line, found[-1].id)
        yield csv_lines(
            (
                [str(one.line), language.text(one.message, **one.words), *_mended(one.cells, bool(row.plan["unguard"]))]
                for one in found
            ),
            delimiter,
        )


def _mended(cells: Sequence[str], unguards: bool) -> list[str]:
    return [guard_cell(unguard_cell(cell) if unguards else cell) for cell in cells]
