"""The rows of a file as orders: headings by their aliases, and the rows that belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from attrs import field, frozen

from core import Details, InvalidInput, clean_details, parse_country, parse_moment
from plugins.shop.importing.foreign import ForeignOrder


def plain(heading: str) -> str:
    """A heading as aliases are written: small letters and digits, one space between words."""
    return " ".join(re.findall(r"[a-z0-9]+", heading.casefold().replace("&", " ")))


@frozen
class Row:
    """A row of a file: its line, and its cells by the names that the layout gives to headings."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    def first(self, *names: str) -> str:
        """The first cell of these that is not empty."""
        return next((self.cells[name] for name in names if self.cells.get(name)), "")


@frozen(kw_only=True)
class Layout:
    """What a program's order files look like.

    `aliases` names headings; `needed` are names that such a file has. `read(rows, context)` makes an order of the rows
    that belong to one, and raises InvalidInput or Skipped.
    """

    key: str
    label: str
    aliases: Mapping[str, Sequence[str]]
    needed: frozenset[str]
    read: Callable[[Sequence[Row], Context], ForeignOrder] = field(repr=False)
    continues: Callable[[Row, Row], bool]

    @property
    def headings(self) -> Mapping[str, str]:
        """Plain heading → name."""
        return {plain(alias): name for name, aliases in self.aliases.items() for alias in (name, *aliases)}


@frozen(kw_only=True)
class Context:
    """What a file does not say: the zone of its times, the order of day and month, the currency, where none stands."""

    zone: ZoneInfo
    currency: str
    order: str = ""


def names_of(layout: Layout, headings: Sequence[str]) -> list[str]:
    """The name of each column, empty for one that means nothing here."""
    known = layout.headings
    names = []
    for heading in headings:
        name = known.get(plain(heading), "")
        # As many columns as the longest order has lines.
        if not name and re.fullmatch(r"line item \d+", plain(heading)):
            name = plain(heading).replace(" ", "_")
        names.append(name)
    return names


def cells_of(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells of a row by their names: of two columns that mean the same, the first that says something.

    The apostrophe goes by which programs keep „01067“ from being a number.
    """
    found: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=False):
        if name and not found.get(name):
            found[name] = (cell[1:] if re.match(r"'[=+\-@\d]", cell) else cell).strip()
    return found


def grouped(layout: Layout, rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows of an order together, which follow each other in every file."""
    group: list[Row] = []
    for row in rows:
        if group and layout.continues(group[0], row):
            group.append(row)
            continue
        if group:
            yield group
        group = [row]
    if group:
        yield group


def moment(text: str, context: Context) -> datetime | None:
    """A moment, in the context's zone unless it says another; None for an empty text. Raises InvalidInput."""
    return parse_moment(text, context.order, context.zone) if text.strip() else None  # type: ignore[arg-type]


def details(name: str, phone: str, parts: Mapping[str, str]) -> Details:
    """A person's details, without what is too long or means nothing: an order is not refused for its address."""
    values = {"name": name, "phone": phone, **parts}
    country = values.get("country", "").strip()
    try:
        values["country"] = parse_country(country) if country else ""
    except InvalidInput:
        values["country"] = ""
    kept = {}
    for key, value in values.items():
        try:
            kept[key] = getattr(clean_details({key: " ".join(value.replace("\x00", "").split())}), key)
        except InvalidInput:
            kept[key] = ""
    return Details(**kept)
