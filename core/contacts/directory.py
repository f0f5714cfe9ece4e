"""The contact list's query: one page with the columns shown (DESIGN section 5)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.cells import check_cells
from core.contacts.counts import COUNTED_UP_TO, Counts, counts_of
from core.contacts.cursors import Cursor, decode_cursor, encode_cursor
from core.contacts.matching import (
    Matching,
    Notice,
    contacts,
    find_broken_filters,
    match,
)
from core.contacts.places import Place, find_part
from core.contacts.statements import ALWAYS, cells_of, make_plan, misfit, side_table
from core.contacts.views import DEFAULT_SORT, View
from core.plugins import Call, Failure, describe, plugin_of
from core.values import Column

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.contacts")

PAGE_SIZE = 50
OWN = "contact"
"""Key of the built-in plugin whose columns are known to fit."""

Row = dict[str, Any]


@frozen(kw_only=True)
class Found:
    """One page of the list.

    Each row has the contact's `id`, `name`, `email`, `email_key`, `picture`, `inactive_at`, and under `c0`,
    `c1` … the values of `columns`, checked by kind; None is an empty cell. `raw` has them by column until they are
    checked. `failures` name columns that could
    not be shown, and their cells are None. `view` is the one shown: sorted as usual when the wanted order
    could not be had. `first` is the number of the first row in the list. `total` is None when a filter is
    broken.
    """

    view: View
    rows: Sequence[Row]
    raw: Sequence[Sequence[Any]] = ()
    columns: Sequence[Column]
    counts: Counts
    first: int = 1
    total: int | None = None
    previous: str | None = None
    next: str | None = None
    failures: Mapping[str, Failure] = field(factory=dict)
    matching: Matching = field(factory=Matching)

    @property
    def total_is_capped(self) -> bool:
        """Whether there are more than `total` says."""
        return self.matching.conditions != () and self.total is not None and self.total > COUNTED_UP_TO


def find_contacts(
    site: Site,
    view: View,
    columns: Sequence[Column],
    *,
    after: str = "",
    before: str = "",
    extra: Sequence[Call] = (),
    size: int = PAGE_SIZE,
) -> tuple[Found, list[Any]]:
    """The page of `view` after or before a cursor, else its first page; and the outcomes of `extra` calls.

    Rows, numbers and the core's own columns come from one session; then plugins' columns that load by themselves run
    side by side, together with `extra`, within one budget. Raises InvalidInput for a cursor that was altered.
    """
    cursor = None
    if after or before:
        cursor = decode_cursor(site.secret, after or before, view.order, backward=not after)
    matching = match(site, view)
    fitting, failures = _fitting(site, columns)
    selected = [column for column in fitting if column.expression is not None or _is_own(column)]
    loaded = [column for column in fitting if column not in selected]
    try:
        found = _read(site, view, selected, matching, cursor, size)
    except Exception as error:
        found = _read_what_works(site, view, selected, matching, cursor, size, error)
        loaded.extend(column for column in selected if column not in found.columns)

    names = {column.key: f"c{index}" for index, column in enumerate(columns)}
    rows = list(found.rows)
    for column, raw in zip(found.columns, found.raw, strict=False):
        _fill(rows, names, column, partial(_converted, column, raw), failures)

    ids = [row["id"] for row in rows]
    calls = [_call(site, column, ids) for column in loaded] if ids else []
    outcomes = site.read_side_by_side([*calls, *extra])
    for column, outcome in zip(loaded, outcomes[: len(calls)], strict=False):
        if outcome.failure is not None:
            failures[column.key] = outcome.failure
        else:
            _fill(rows, names, column, partial(_looked_up, outcome.value, ids), failures)
    for key in failures:
        for row in rows:
            row.setdefault(names[key], None)
    return evolve(found, rows=rows, columns=columns, raw=(), failures=failures), outcomes[len(calls) :]


def _fitting(site: Site, columns: Sequence[Column]) -> tuple[list[Column], dict[str, Failure]]:
    """The columns that can be selected, and why the others can't; found out once for each column."""
    checked: dict[str, str] = site.__dict__.setdefault("_contact_columns_checked", {})
    failures = {}
    for column in columns:
        if column.key not in checked:
            try:
                checked[column.key] = misfit(column)
            except Exception as error:
                checked[column.key] = describe(error)
        if checked[column.key]:
            failures[column.key] = _failure(column, checked[column.key])
    return [column for column in columns if column.key not in failures], failures


def _failure(column: Column, message: str) -> Failure:
    log.warning("Column %r could not be shown: %s", column.key, message)
    return Failure(plugin=plugin_of(column.key), place=column.key, message=message)


# Rows


def _read(
    site: Site,
    view: View,
    selected: Sequence[Column],
    matching: Matching,
    cursor: Cursor | None,
    size: int,
) -> Found:
    """Rows, numbers and the cursors of the neighbouring pages."""
    with site.session() as session:
        counts = counts_of(site, session)
        if matching.broken:
            return Found(view=view, rows=[], columns=selected, counts=counts, matching=matching)
        sort = site.contributions.contact_columns[view.sort]
        plan = make_plan(sort, view.tab, descending=view.descending)
        part = find_part(site, session, plan, matching, cursor, size)
        if cursor is not None and (not part.places or (cursor.backward and not part.more and len(part.places) < size)):
            # Nothing left there, or back at the beginning with less than a page: the beginning, whole.
            cursor = None
            part = find_part(site, session, plan, matching, cursor, size)
        backward = cursor is not None and cursor.backward
        is_start = cursor is None or (backward and not part.more)
        is_end = not part.more and not backward
        first = 1
        if cursor is not None and not is_start:
            first = max(1, cursor.position - len(part.places) + 1) if backward else cursor.position
        if is_start and is_end:
            total = len(part.places)
        elif part.total is not None:
            total = part.total
        else:
            total = counts.tabs[view.tab]
        rows, raw = _rows(site, session, selected, [one.id for one in part.places])

    def address(place: Place, position: int, *, backward: bool) -> str:
        made = Cursor(order=view.order, value=place.value, id=place.id, position=position, backward=backward)
        return encode_cursor(site.secret, made)

    places = part.places
    return Found(
        view=view,
        rows=rows,
        raw=raw,
        columns=selected,
        counts=counts,
        first=first,
        # The number may have been counted before the last contacts came.
        total=max(total, first + len(rows) - 1),
        previous=address(places[0], first - 1, backward=True) if places and not is_start else None,
        next=address(places[-1], first + len(places), backward=False) if places and not is_end else None,
        matching=matching,
    )


def _rows(
    site: Site, session: Session, selected: Sequence[Column], ids: Sequence[int]
) -> tuple[list[Row], list[list[Any]]]:
    """What each row has always, and the values of each column."""
    found: dict[int, Sequence[Any]] = {}
    expressed = [column for column in selected if column.expression is not None]
    if ids:
        read = session.connection().execute(cells_of(site, expressed), {"ids": ids})
        found = {row[0]: tuple(row) for row in read.all()}
    # One may have been erased between the two statements.
    ids = [contact_id for contact_id in ids if contact_id in found]
    rows = [found[contact_id] for contact_id in ids]
    values = {column.key: [row[at] for row in rows] for at, column in enumerate(expressed, len(ALWAYS))}
    for column in selected if ids else ():
        if column.load is not None:
            values[column.key] = _looked_up(column.load(session, ids), ids)
    return [dict(zip(ALWAYS, row, strict=False)) for row in rows], [values.get(column.key, []) for column in selected]


def _read_what_works(
    site: Site,
    view: View,
    selected: Sequence[Column],
    matching: Matching,
    cursor: Cursor | None,
    size: int,
    error: Exception,
) -> Found:
    """The page after its statement failed: without contacts if a filter did it, else without expressions.

    The columns that are missing in the answer are to be asked one by one, which names the one that fails.
    Raises `error` when no plugin has a part in the statement.
    """
    with site.session() as session:
        # When this fails too, no plugin is to blame: the database is away.
        session.execute(select(contacts.c.id).limit(1)).all()
    if notices := find_broken_filters(site, view):
        matching = evolve(matching, broken=True, notices=(*matching.notices, *notices))
    own = [column for column in selected if _is_own(column)]
    foreign_order = plugin_of(view.sort) != OWN
    if not matching.broken and len(own) == len(selected) and not foreign_order:
        raise error
    log.warning("The list's statement failed, and is tried without plugins' columns: %s", describe(error))
    if foreign_order:
        sort = site.contributions.contact_columns[view.sort]
        notice = Notice(
            message="The list could not be sorted by column “%(column)s” of plugin “%(plugin)s”: %(error)s",
            words={
                "column": sort.label,
                "plugin": site.plugin_label(plugin_of(sort.key)),
                "error": describe(error),
            },
        )
        matching = evolve(matching, notices=(*matching.notices, notice))
        view, cursor = view.sorted_by(DEFAULT_SORT, descending=True), None
    return _read(site, view, own, matching, cursor, size)


# Cells


def _converted(column: Column, values: Sequence[Any]) -> list[Any]:
    if column.convert is None:
        return list(values)
    return [value if value is None else column.convert(value) for value in values]


def _looked_up(values: object, ids: Sequence[int]) -> list[Any]:
    if not isinstance(values, Mapping):
        raise TypeError(f"load() answered {type(values).__name__}, not a mapping of contact id to value")
    return [values.get(contact_id) for contact_id in ids]


def _fill(
    rows: Sequence[Row],
    names: Mapping[str, str],
    column: Column,
    values: Callable[[], list[Any]],
    failures: dict[str, Failure],
) -> None:
    """Write a column's checked values into its cells; one bad value empties the column and names it."""
    name = names[column.key]
    try:
        cells = check_cells(column.kind, values())
    except (Exception, SystemExit) as error:
        failures[column.key] = _failure(column, describe(error))
        cells = [None] * len(rows)
    for row, cell in zip(rows, cells, strict=True):
        row[name] = cell


def _is_own(column: Column) -> bool:
    return plugin_of(column.key) == OWN


def _call(site: Site, column: Column, ids: Sequence[int]) -> Call:
    def load() -> object:
        with site.session() as session:
            if column.load is not None:
                return column.load(session, ids)
            return _select_alone(session, column, ids)

    return Call(plugin=plugin_of(column.key), place=column.key, function=load, here=_is_own(column))


def _select_alone(session: Session, column: Column, ids: Sequence[int]) -> dict[int, object]:
    """An expression column's values without the list's statement, which something broke."""
    assert column.expression is not None
    source = side_table(column)
    start = contacts if source is None else contacts.outerjoin(source, source.c.contact_id == contacts.c.id)
    asked = select(contacts.c.id, column.expression).select_from(start).where(contacts.c.id.in_(ids))
    found = session.execute(asked).all()
    return dict(zip((one[0] for one in found), _converted(column, [one[1] for one in found]), strict=True))
