"""Contacts as the rows of a file, read piece by piece: memory does not grow with their number (FEATURES I7)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from attrs import frozen
from sqlalchemy import ColumnElement, DateTime, Select, select, type_coerce
from sqlalchemy.orm import Session

from core.contacts.columns import modules_of, tags_of
from core.contacts.matching import contacts
from core.i18n import Language
from core.transfer.cells import guard_column, join_words
from core.transfer.csv_files import csv_lines
from core.transfer.fields import all_fields, write_value
from core.transfer.layout import FileColumn, headings
from core.transfer.xlsx_writing import xlsx_pieces

if TYPE_CHECKING:
    from core.site import Site

Format = Literal["csv", "excel", "xlsx"]

FORMATS: Mapping[Format, tuple[str, str]] = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "excel": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
}
"""Format → media type and ending. "excel" is CSV as a German Excel opens it: semicolons, and a byte order mark."""

BATCH = 1000
"""Contacts that are read at a time."""


@frozen(kw_only=True)
class Export:
    """What a file is to hold. `contacts` selects the ids; None means every contact, the inactive ones included.

    `exact` leaves cells as they are stored, which a spreadsheet may run as formulas: for other programs.
    """

    columns: Sequence[FileColumn]
    format: Format
    contacts: Select[tuple[int]] | None = None
    exact: bool = False


def export_pieces(site: Site, export: Export, language: Language) -> Iterator[bytes]:
    """The file, piece by piece, all from one state of the database."""
    heads = headings(export.columns, language)
    with closing(_batches(site, export, language)) as batches:
        if export.format == "xlsx":
            yield from xlsx_pieces(heads, batches)
            return
        # An Excel cell that holds text is never run; a line of CSV does not say what its cells are.
        safe = export.format == "excel" or not export.exact
        delimiter = ";" if export.format == "excel" else ","
        if export.format == "excel":
            yield b"\xef\xbb\xbf"
        yield csv_lines([guard_column(heads) if safe else heads], delimiter)
        for columns in batches:
            guarded = [guard_column(column) for column in columns] if safe else columns
            yield csv_lines(zip(*guarded, strict=True), delimiter)


def _batches(site: Site, export: Export, language: Language) -> Generator[list[list[str]], None, None]:
    """The cells of some contacts at a time, column by column, the oldest contact first."""
    own = [column.key for column in export.columns if not column.field]
    selected = [contacts.c.id, *(_SELECTED[key]() for key in own if key in _SELECTED)]
    statement = select(*selected).where(contacts.c.merged_into_id.is_(None)).order_by(contacts.c.id)
    if export.contacts is not None:
        statement = statement.where(contacts.c.id.in_(export.contacts))
    places = {key: number for number, key in enumerate((key for key in own if key in _SELECTED), start=1)}
    write = _writers(site, language)
    with site.session() as session:
        if not site.database.is_sqlite:
            # All batches and what belongs to them from one snapshot, as SQLite's transactions are anyway.
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        result = session.execute(statement, execution_options={"stream_results": True, "yield_per": BATCH})
        for rows in result.partitions(BATCH):
            read = list(zip(*rows, strict=True))
            ids: list[int] = list(read[0])
            made = []
            for column in export.columns:
                if column.key in places:
                    values = read[places[column.key]]
                    made.append(write[column.key](values) if column.key in write else list(values))
                else:
                    made.append(_loaded(site, session, column, ids, language))
            yield made


_SELECTED: Mapping[str, Callable[[], ColumnElement[Any]]] = {
    **{
        name: lambda name=name: contacts.c[name]  # type: ignore[misc]
        for name in (
            "email",
            "name",
            "phone",
            "street",
            "street2",
            "postal_code",
            "city",
            "region",
            "country",
            "language",
            "stage",
        )
    },
    "joined": lambda: type_coerce(contacts.c.joined_at, DateTime(timezone=True)),
    "locked": lambda: contacts.c.locked_at.is_not(None),
    "inactive": lambda: contacts.c.inactive_at.is_not(None),
}
"""Key of a column → what is selected for it; the others are loaded for each batch."""


def _writers(site: Site, language: Language) -> Mapping[str, Callable[[Sequence[Any]], list[str]]]:
    """Key of a column → how its values become cells."""
    stages = {"lead": language.text("Lead"), "customer": language.text("Customer")}
    flags = {True: language.text("Yes"), False: ""}
    moment = local_moments(site.settings.zone)
    return {
        "stage": lambda values: [stages[value] for value in values],
        "joined": lambda values: [moment(value) for value in values],
        "locked": lambda values: [flags[bool(value)] for value in values],
        "inactive": lambda values: [flags[bool(value)] for value in values],
    }


def local_moments(zone: ZoneInfo) -> Callable[[datetime], str]:
    """A function that writes a moment in a zone's own time: 2026-11-21 14:05:00, which spreadsheets read as a time.

    What the zone does is looked up once a quarter of an hour: no zone changes its offset in between.
    """
    quarters: dict[tuple[int, ...], str] = {}

    def write(value: datetime) -> str:
        if value.tzinfo is not None:
            value = value.astimezone(UTC)
        quarter = (value.year, value.month, value.day, value.hour, value.minute // 15)
        written = quarters.get(quarter)
        if written is None:
            if len(quarters) > 100_000:
                quarters.clear()
            start = value.replace(minute=quarter[4] * 15, second=0, microsecond=0, tzinfo=UTC).astimezone(zone)
            written = quarters[quarter] = start.strftime("%Y-%m-%d %H:%M")
        minute = int(written[-2:]) + value.minute % 15
        return f"{written[:-2]}{minute:02}:{value.second:02}"

    return write


def _loaded(site: Site, session: Session, column: FileColumn, ids: Sequence[int], language: Language) -> list[str]:
    if column.key == "tags":
        tags = tags_of(session, ids)
        return [join_words(tags[one]) if one in tags else "" for one in ids]
    if column.key == "modules":
        names = {key: language.text(module.label) for key, module in site.contributions.modules.items()}
        modules = modules_of(session, ids)
        return [join_words(names.get(key, key) for key in modules.get(one, ())) for one in ids]
    field = all_fields(site)[column.key]
    values: Mapping[int, object] = field.read(session, ids)
    return [str(write_value(field, values.get(one), language)) for one in ids]
