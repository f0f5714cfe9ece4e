"""What a file is and how it is to be read, found out from its bytes and first rows (FEATURES I3).

What is found is shown with its evidence and can be corrected. What is not sure becomes a question, and nothing is read
before it is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.contacts.addresses import plain_address
from core.errors import InvalidInput
from core.transfer import words
from core.transfer.csv_reading import first_rows
from core.transfer.encodings import CHUNK, find_encoding
from core.transfer.fields import file_fields
from core.transfer.mapping import Allows, everything, map_headings, targets
from core.transfer.records import MAX_COLUMNS, Record, open_source

if TYPE_CHECKING:
    from core.site import Site

DELIMITERS = (",", ";", "\t", "|")
JUDGED_ROWS = 200
"""Rows by which a delimiter is judged."""

EVIDENCE_ROWS = 2000
"""Rows in which dates and numbers are looked at."""

QUESTIONS: Mapping[str, str] = {
    "encoding": "Are the umlauts and other special letters right? Choose the encoding with which they are.",
    "email": "Which column holds the e-mail address?",
    "twice": "Two columns have the same heading. Say which one counts.",
    "dates": "Which comes first in the dates, the day or the month?",
    "decimal": "Which sign stands before the decimals of the numbers?",
}
"""What can be open, and the question a person is asked."""

NO_TEXT = "This is no text file. Only CSV, XLSX and vCard can be imported."

_REFUSED: Sequence[tuple[bytes, str]] = (
    (b"\x1f\x8b", "This file is packed (gzip). Unpack it and upload what is inside."),
    (b"BZh", "This file is packed. Unpack it and upload what is inside."),
    (b"\xfd7zXZ", "This file is packed. Unpack it and upload what is inside."),
    (b"7z\xbc\xaf", "This file is packed. Unpack it and upload what is inside."),
    (b"Rar!", "This file is packed. Unpack it and upload what is inside."),
    (b"\xd0\xcf\x11\xe0", "This is a file of an old Excel, or one with a password. Save it as XLSX or CSV."),
    *((magic, NO_TEXT) for magic in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\x7fELF", b"SQLite format 3")),
    (b"%PDF", "This is a PDF. Only tables and address cards can be imported: CSV, XLSX or vCard."),
)


def find_kind(path: Path) -> str:
    """Which kind of file this is, by its bytes and never by its name. Raises InvalidInput for one that can't be."""
    with path.open("rb") as opened:
        start = opened.read(CHUNK)
    if not start.strip():
        raise InvalidInput("This file is empty.", field="file")
    for magic, text in _REFUSED:
        if start.startswith(magic):
            raise InvalidInput(text, field="file")
    if start.startswith(b"PK\x03\x04"):
        from core.transfer.xlsx_reading import check_workbook

        check_workbook(path)
        return "xlsx"
    if start[:200].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").upper().startswith(b"BEGIN:VCARD"):
        return "vcard"
    if b"\x00" in start and not find_encoding(path).name.startswith("utf-16") and start.count(0) * 20 > len(start):
        raise InvalidInput(NO_TEXT, field="file")
    return "csv"


def recognise(
    site: Site, path: Path, kind: str, chosen: Mapping[str, Any] | None = None, allows: Allows = everything
) -> dict[str, Any]:
    """The plan by which a file is read; `chosen` are a person's own answers, which hold.

    What the person may not write is left out of the mapping.

    Its `questions` are what is still open. Raises InvalidInput for a file with nothing in it (THREATS T-I4).
    """
    chosen = chosen or {}
    plan: dict[str, Any] = {
        "encoding": "utf-8-sig",
        "delimiter": ",",
        "header": kind in ("vcard", "paste"),
        "unguard": True,
        "dates": "",
        "decimal": "",
        "policy": "fill",
        "tags": [],
        "choices": [],
        "answered": [],
    }
    questions = []
    if kind in ("csv", "vcard"):
        found = find_encoding(path)
        plan["encoding"] = chosen.get("encoding") or found.name
        if not found.sure and "encoding" not in chosen:
            questions.append("encoding")
    plan |= {name: chosen[name] for name in ("policy", "tags", "choices", "unguard") if name in chosen}
    if kind == "csv":
        plan["delimiter"] = chosen.get("delimiter") or find_delimiter(site, path, plan["encoding"])
    if kind in ("csv", "xlsx"):
        plan["header"] = chosen["header"] if "header" in chosen else _has_heading(path, kind, plan)
    headings, records = read_start(path, kind, plan)
    _check_anything(headings, records)
    columns = max([len(headings), *(len(record.cells) for record in records if not record.problem)], default=0)
    if kind in ("csv", "xlsx") and not plan["header"]:
        headings = [""] * columns
    plan["headings"] = headings
    questions += _map(site, plan, kind, records, chosen, allows)
    questions += _look_at_values(site, plan, records, chosen)
    plan["questions"] = questions
    return plan


def read_start(
    path: Path, kind: str, plan: Mapping[str, Any], number: int | None = None
) -> tuple[list[str], list[Record]]:
    """The headings and the first records, as they are read by the plan: `number`, or as many as say enough.

    Raises InvalidInput for an odd encoding.
    """
    try:
        source = open_source(path, kind, plan)
    except (LookupError, UnicodeError) as error:
        raise InvalidInput("This text can't be read in this encoding.", field="encoding") from error
    try:
        records = list(islice(source, number or EVIDENCE_ROWS))
        return list(getattr(source, "headings", [])), records
    except UnicodeError as error:
        raise InvalidInput("This text can't be read in this encoding.", field="encoding") from error
    finally:
        source.close()


def find_delimiter(site: Site, path: Path, encoding: str) -> str:
    """The delimiter by which headings are known best and most rows have the same number of cells."""

    def score(delimiter: str) -> tuple[int, float, int]:
        rows = first_rows(path, encoding, delimiter, JUDGED_ROWS)
        if not rows:
            return 0, 0.0, 0
        width = len(rows[0])
        if width < 2 or width > MAX_COLUMNS:
            return 0, 0.0, 0
        same = sum(len(row) == width for row in rows) / len(rows)
        return len(map_headings(site, rows[0]).columns), same, width

    try:
        return max(DELIMITERS, key=score)
    except UnicodeError as error:
        raise InvalidInput("This text can't be read in this encoding.", field="encoding") from error


def _has_heading(path: Path, kind: str, plan: Mapping[str, Any]) -> bool:
    """Whether the first row is a heading: one with an address in it is a person."""
    _, records = read_start(path, kind, {**plan, "header": False}, 1)
    return not any(plain_address(cell.strip()) for record in records for cell in record.cells)


def _check_anything(headings: Sequence[str], records: Sequence[Record]) -> None:
    if not headings and not records:
        raise InvalidInput("There is nothing in this file.", field="file")
    if not records:
        raise InvalidInput("This file has a heading, but no rows.", field="file")
    if len(headings) > MAX_COLUMNS:
        raise InvalidInput("This file has too many columns: %(max)s at most.", field="file", max=MAX_COLUMNS)


def _map(
    site: Site,
    plan: dict[str, Any],
    kind: str,
    records: Sequence[Record],
    chosen: Mapping[str, Any],
    allows: Allows,
) -> list[str]:
    """Write the mapping into the plan; answers what is open about it."""
    headings = plan["headings"]
    mapped = map_headings(site, headings)
    mapping = {str(place): key for place, key in mapped.columns.items()}
    if kind == "paste":
        mapping = {str(place): key for place, key in enumerate(headings)}
    elif not plan["header"]:
        mapping = _guess(len(headings), records)
    if "mapping" in chosen:
        mapping = dict(chosen["mapping"])
    offered = targets(site, allows)
    mapping = {place: key for place, key in mapping.items() if key in offered}
    plan["mapping"] = mapping
    used = {int(place) for place in mapping}
    plan["left_out"] = [
        heading or f"#{place + 1}"
        for place, heading in enumerate(headings)
        if place not in used and heading not in mapped.informative and kind in ("csv", "xlsx")
    ]
    plan["informative"] = list(mapped.informative)
    questions = []
    if not {"email", "email#2"} & set(mapping.values()):
        questions.append("email")
    taken_twice = [
        heading for heading in mapped.twice if map_headings(site, [heading]).columns and "mapping" not in chosen
    ]
    if taken_twice:
        questions.append("twice")
        plan["twice"] = taken_twice
    return questions


def _guess(columns: int, records: Sequence[Record]) -> dict[str, str]:
    """Without a heading: the column of the addresses, which is the only one that can be told by what is in it."""
    for place in range(columns):
        cells = [record.cells[place] for record in records if not record.problem and place < len(record.cells)]
        if cells and sum(plain_address(cell.strip()) is not None for cell in cells) * 2 >= len(cells):
            return {str(place): "email"}
    return {}


def _look_at_values(
    site: Site, plan: dict[str, Any], records: Sequence[Record], chosen: Mapping[str, Any]
) -> list[str]:
    """Find the order of dates and the decimal sign in the mapped columns; answers what nobody can tell."""
    fields = file_fields(site)
    questions = []

    def cells_of(kinds: Iterable[str]) -> list[str]:
        wanted = set(kinds)
        places = [
            int(place)
            for place, key in plan["mapping"].items()
            if (key == "joined" and "date" in wanted) or (key in fields and fields[key].kind in wanted)
        ]
        return [record.cells[place] for record in records if not record.problem for place in places]

    for name, values, find in (
        ("dates", cells_of(["date"]), words.date_order),
        ("decimal", cells_of(["number"]), words.decimal_sign),
    ):
        found, is_open = find(values)
        plan[name] = chosen.get(name) or found
        if is_open and not plan[name]:
            questions.append(name)
    return questions
