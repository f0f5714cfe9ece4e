"""Reading a file of orders: whose it is, and its rows in groups of one order.

An open file is kept between the steps of one process, so that each goes on where the last one ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from core import InvalidInput, Site, Table, date_order, file_path, open_table
from plugins.shop.importing.rows import Layout, Row, cells_of, grouped, names_of
from plugins.shop.importing.shopify import SHOPIFY
from plugins.shop.importing.woocommerce import WOOCOMMERCE
from plugins.shop.models import OrderImport

LAYOUTS: Mapping[str, Layout] = {one.key: one for one in (SHOPIFY, WOOCOMMERCE)}

LOOKED = 2000
"""Rows in which dates are looked at."""


@frozen(kw_only=True)
class Problem:
    """What is wrong with an order of a file: where it begins, its number there, and why, a message id."""

    line: int
    reference: str
    refused: bool
    message: str
    words: Mapping[str, Any]


@define
class Reading:
    """An open file and how many of its orders were read; kept between the steps of one process."""

    table: Table
    groups: Iterator[list[Row] | Problem]
    position: int = 0
    seen: set[str] = field(factory=set)


@define
class OpenFiles:
    """The files that this process has open, by site and import."""

    readings: dict[tuple[str, int], Reading] = field(factory=dict)

    def close(self, key: tuple[str, int]) -> None:
        if (reading := self.readings.pop(key, None)) is not None:
            reading.table.close()


open_files = OpenFiles()


def find_layout(path: Path) -> Layout:
    """Whose file this is, by its headings. Raises InvalidInput when nobody knows."""
    headings = {heading for layout in LAYOUTS.values() for alias in layout.aliases.values() for heading in alias}
    table = open_table(path, {heading.casefold() for heading in headings})
    try:
        for layout in LAYOUTS.values():
            if layout.needed <= set(names_of(layout, table.headings)):
                return layout
    finally:
        table.close()
    raise InvalidInput(
        "This is neither an order export of Shopify nor one of WooCommerce: its headings are not known.", field="file"
    )


def file_key(site: Site, import_id: int) -> tuple[str, int]:
    return str(site.database.engine.url), import_id


def reading_of(site: Site, row: OrderImport) -> Reading:
    """The open file, at the place that the last step has written down."""
    key = file_key(site, row.id)
    reading = open_files.readings.get(key)
    if reading is None or reading.position != row.position:
        open_files.close(key)
        path = file_path(site.settings.data_dir, row.stored_name)
        if not path.is_file():
            raise InvalidInput("The file is not kept any more. Upload it again.", field="file")
        layout = LAYOUTS[row.layout]
        if "order" not in row.numbers:
            row.numbers = {**row.numbers, "order": _date_order(path, layout)}
        table = _table(path, layout)
        reading = Reading(table, _groups(layout, table))
        for _ in islice(reading.groups, row.position):
            reading.position += 1
        open_files.readings[key] = reading
    return reading


def _table(path: Path, layout: Layout) -> Table:
    return open_table(path, {alias.casefold() for aliases in layout.aliases.values() for alias in aliases})


def _rows(layout: Layout, table: Table, problems: list[Problem]) -> Iterator[Row]:
    names = names_of(layout, table.headings)
    for record in table:
        if record.problem:
            problems.append(
                Problem(line=record.line, reference="", refused=True, message=record.problem, words=record.words)
            )
            continue
        yield Row(record.line, cells_of(names, record.cells))


def _groups(layout: Layout, table: Table) -> Iterator[list[Row] | Problem]:
    """The orders of a file, and the rows that can't be read, where they stand."""
    problems: list[Problem] = []
    for group in grouped(layout, _rows(layout, table, problems)):
        yield from problems
        problems.clear()
        yield group
    yield from problems


def _date_order(path: Path, layout: Layout) -> str:
    """Whether the day or the month comes first in this file's dates; the month where nothing tells, as Americans do."""
    table = _table(path, layout)
    try:
        rows = list(islice(_rows(layout, table, []), LOOKED))
    finally:
        table.close()
    dates = [text for row in rows for text in (row["date"], row["created_at"], row["paid_date"]) if text]
    found, is_open = date_order(dates)
    if found or not is_open:
        return found
    return "dmy" if any("." in text.split(" ")[0] for text in dates) else "mdy"
