"""Contacts as the rows of a file, read piece by piece: memory does not grow with their number (FEATURES I7)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from attrs import frozen
from sqlalchemy import ColumnElement, Select, and_, select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from core.contacts.fields import read_fields
from core.contacts.matching import contacts
from core.contacts.models import ContactModule, ContactTag, Tag
from core.i18n import Language
from core.transfer.cells import guard_column, join_words
from core.transfer.csv_files import csv_columns, csv_lines
from core.transfer.fields import file_fields, write_value
from core.transfer.layout import FileColumn, headings
from core.transfer.vcard_writing import vcard_pieces
from core.transfer.xlsx_writing import xlsx_pieces

if TYPE_CHECKING:
    from core.site import Site

Format = Literal["csv", "excel", "xlsx", "vcard3", "vcard4"]

FORMATS: Mapping[Format, tuple[str, str]] = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "excel": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "vcard3": ("text/vcard; charset=utf-8", "vcf"),
    "vcard4": ("text/vcard; charset=utf-8", "vcf"),
}
"""Format → media type and ending. "excel" is CSV as a German Excel opens it: semicolons, and a byte order mark."""

BATCH = 2000
"""Contacts that are read at a time."""

HARMLESS = frozenset({"country", "joined", "stage", "locked", "inactive"})
"""Columns whose cells are made here: none begins like a formula."""


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
        if export.format in ("vcard3", "vcard4"):
            keys = [column.key for column in export.columns]
            yield from vcard_pieces(keys, batches, "3.0" if export.format == "vcard3" else "4.0")
            return
        # An Excel cell that holds text is never run; a line of CSV does not say what its cells are.
        safe = export.format == "excel" or not export.exact
        delimiter = ";" if export.format == "excel" else ","
        if export.format == "excel":
            yield b"\xef\xbb\xbf"
        yield csv_lines([guard_column(heads) if safe else heads], delimiter)
        for columns in batches:
            if safe:
                columns = [
                    cells if column.key in HARMLESS else guard_column(cells)
                    for column, cells in zip(export.columns, columns, strict=True)
                ]
            yield csv_columns(columns, delimiter)


def _batches(site: Site, export: Export, language: Language) -> Generator[list[Sequence[str]], None, None]:
    """The cells of some contacts at a time, column by column, the oldest contact first."""
    own = [column.key for column in export.columns if not column.field]
    selected = [contacts.c.id, *(_SELECTED[key]() for key in own if key in _SELECTED)]
    statement = select(*selected).where(contacts.c.merged_into_id.is_(None)).order_by(contacts.c.id)
    if export.contacts is not None:
        statement = statement.where(contacts.c.id.in_(export.contacts))
    places = {key: number for number, key in enumerate((key for key in own if key in _SELECTED), start=1)}
    known = file_fields(site)
    fields = [column.key for column in export.columns if column.field]
    write = _writers(site, language)
    with site.session() as session:
        if not site.database.is_sqlite:
            # All batches and what belongs to them from one snapshot, as SQLite's transactions are anyway.
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for rows in _rows(session, statement, plain=site.database.is_sqlite and export.contacts is None):
            read = list(zip(*rows, strict=True))
            ids: list[int] = list(read[0])
            made: list[Sequence[str]] = []
            of_fields = read_fields(session, site, ids, fields) if fields else {}
            for column in export.columns:
                if column.field:
                    field = known[column.key]
                    made.append([write_value(field, of_fields[one].get(column.key), language) for one in ids])
                elif column.key in places:
                    values = read[places[column.key]]
                    made.append(write[column.key](values) if column.key in write else values)
                else:
                    made.append(_loaded(site, session, column, ids, language))
            yield made


def _rows(session: Session, statement: Select[Any], *, plain: bool) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows of a statement, some at a time. A `plain` one has no parameters and is left to SQLite's driver alone.

    SQLAlchemy's own rows would be half of what a file of all contacts costs; values are taken as they are stored.
    """
    if not plain:
        options = {"stream_results": True, "yield_per": BATCH}
        yield from session.execute(statement, execution_options=options).partitions(BATCH)
        return
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    with closing(driver.execute(str(statement.compile(connection.engine)))) as cursor:
        while rows := cursor.fetchmany(BATCH):
            yield rows


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
    "joined": lambda: type_coerce(contacts.c.joined_at, NullType()),
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
        "stage": lambda values: [*map(stages.__getitem__, values)],
        "joined": lambda values: [*map({value: moment(value) for value in set(values)}.__getitem__, values)],
        "locked": lambda values: [*map(flags.__getitem__, values)],
        "inactive": lambda values: [*map(flags.__getitem__, values)],
    }


def local_moments(zone: ZoneInfo) -> Callable[[datetime | str], str]:
    """A function that writes a moment in a zone's own time: 2026-11-21 14:05:00, which spreadsheets read as a time.

    It takes what the drivers give: a moment, or SQLite's text in UTC. What the zone does is looked up once a quarter of
    an hour: no zone changes its offset in between.
    """
    quarters: dict[tuple[str, int], str] = {}
    last: dict[str, str] = {}

    def write(value: datetime | str) -> str:
        text = value if isinstance(value, str) else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        if (known := last.get(text[:16])) is not None:
            # Those of one file or one evening come in a row.
            return known + text[16:19]
        minute = int(text[14:16])
        quarter = (text[:13], minute // 15)
        written = quarters.get(quarter)
        if written is None:
            if len(quarters) > 100_000:
                quarters.clear()
            start = datetime.fromisoformat(f"{quarter[0]}:{15 * quarter[1]:02}+00:00").astimezone(zone)
            written = quarters[quarter] = start.strftime("%Y-%m-%d %H:%M")
        last.clear()
        last[text[:16]] = known = f"{written[:-2]}{int(written[-2:]) + minute % 15:02}"
        return known + text[16:19]

    return write


def _loaded(site: Site, session: Session, column: FileColumn, ids: Sequence[int], language: Language) -> list[str]:
    if column.key == "tags":
        tags = select(ContactTag.contact_id, Tag.name).join(Tag, Tag.id == ContactTag.tag_id).order_by(Tag.key)
        return _joined(session, tags, ContactTag.contact_id, ids, str)
    if column.key == "modules":
        names = {key: language.text(module.label) for key, module in site.contributions.modules.items()}
        one = ContactModule
        modules = select(one.contact_id, one.module).order_by(one.first_at, one.module)
        return _joined(session, modules, one.contact_id, ids, lambda key: names.get(key, key))
    raise KeyError(column.key)


def _joined(
    session: Session, statement: Select[*tuple[Any, ...]], owner: Any, ids: Sequence[int], name: Callable[[str], str]
) -> list[str]:
    """A cell for each contact with its several words, in the statement's order."""
    # The ids grow. As a range they cost nothing to write down, but it must not hold many other contacts.
    close = ids[-1] - ids[0] < 4 * len(ids)
    wanted = and_(owner >= ids[0], owner <= ids[-1]) if close else owner.in_(ids)
    found: dict[int, list[str]] = {}
    for contact_id, word in session.execute(statement.where(wanted)):
        found.setdefault(contact_id, []).append(name(word))
    if not found:
        return [""] * len(ids)
    return [join_words(found[one]) if one in found else "" for one in ids]
