"""The list's statements: built once for a set of columns, an order and a direction, and kept with the site.

Building a statement costs four times running it, so only search and filters are added for a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from attrs import field, frozen
from sqlalchemy import Column as TableColumn
from sqlalchemy import ColumnElement, FromClause, Integer, Select, Table, bindparam, null, select, tuple_

from core.contacts.matching import TAB_CONDITIONS, contacts
from core.contacts.views import Tab
from core.values import Column

if TYPE_CHECKING:
    from core.site import Site

Segment = Literal["valued", "empty"]
"""The list in two parts: the contacts with a value to sort by, then those without, by id."""

ALWAYS = ("id", "name", "email", "email_key", "picture", "inactive_at")
"""Columns of the contact that each row has, for its name, picture and menu."""

MAX_KEPT = 500


@frozen(kw_only=True)
class Plan:
    """What one statement of the list selects and how it is sorted."""

    columns: tuple[Column, ...] = field(eq=False)
    keys: tuple[str, ...]
    sort: Column = field(eq=False)
    sort_key: str
    tab: Tab
    descending: bool

    @property
    def order(self) -> ColumnElement[Any]:
        """What it is sorted by."""
        assert self.sort.sorted_by is not None
        return self.sort.sorted_by

    @property
    def has_empty(self) -> bool:
        """Whether there may be contacts without a value to sort by."""
        order = plain(self.order)
        return not (isinstance(order, TableColumn) and order.table is contacts and not order.nullable)


def make_plan(columns: Sequence[Column], sort: Column, tab: Tab, *, descending: bool) -> Plan:
    """The plan of a list with these expression columns."""
    return Plan(
        columns=tuple(columns),
        keys=tuple(column.key for column in columns),
        sort=sort,
        sort_key=sort.key,
        tab=tab,
        descending=descending,
    )


def statement(site: Site, plan: Plan, segment: Segment, *, backward: bool, from_cursor: bool) -> Select[Any]:
    """The statement of one segment. Its parameters: `rows`; with `from_cursor` also `at_value`, `at_id`."""
    kept: dict[object, Select[Any]] = site.__dict__.setdefault("_contact_statements", {})
    key = (plan, segment, backward, from_cursor)
    if key not in kept:
        if len(kept) >= MAX_KEPT:
            kept.clear()
        kept[key] = _build(plan, segment, backward=backward, from_cursor=from_cursor)
    return kept[key]


def _build(plan: Plan, segment: Segment, *, backward: bool, from_cursor: bool) -> Select[Any]:
    order, source = plan.order, side_table(plan.sort)
    sort_id: ColumnElement[int] = contacts.c.id
    start: FromClause
    joined = []
    if segment == "valued" and source is not None and is_column_of(order, source):
        # By the side table's index, which a LEFT JOIN from the contacts can't use: 1 ms instead of a second.
        sort_id = source.c.contact_id
        start, joined = source.join(contacts, contacts.c.id == source.c.contact_id), [source]
    else:
        start = contacts
    for column in (plan.sort, *plan.columns):
        other = side_table(column)
        if other is not None and all(other is not one for one in joined):
            start = start.outerjoin(other, other.c.contact_id == contacts.c.id)
            joined.append(other)

    built = select(
        *(contacts.c[name] for name in ALWAYS),
        (order if segment == "valued" else null()).label("sort_value"),
        *(
            cast("ColumnElement[Any]", column.expression).label(f"c{index}")
            for index, column in enumerate(plan.columns)
        ),
    ).select_from(start)
    built = built.where(*TAB_CONDITIONS[plan.tab])
    if plan.has_empty:
        built = built.where(order.is_not(None) if segment == "valued" else order.is_(None))
    down = plan.descending != backward
    keys: list[ColumnElement[Any]] = [order, sort_id] if segment == "valued" else [contacts.c.id]
    if from_cursor:
        at: list[ColumnElement[Any]] = [bindparam("at_id", type_=contacts.c.id.type)]
        if segment == "valued":
            at.insert(0, bindparam("at_value", type_=order.type))
        left, right = (tuple_(*keys), tuple_(*at)) if len(keys) > 1 else (keys[0], at[0])
        built = built.where(left < right if down else left > right)
    return built.order_by(*(key.desc() if down else key.asc() for key in keys)).limit(bindparam("rows", type_=Integer))


def side_table(column: Column) -> FromClause | None:
    """The table a column reads from besides the contacts; a mapped class is as good as its table."""
    return getattr(column.side_table, "__table__", column.side_table)


def plain(expression: ColumnElement[Any]) -> object:
    """The table's own column behind an attribute of a mapped class; any other expression as it is."""
    found = expression.__clause_element__() if hasattr(expression, "__clause_element__") else expression
    table = getattr(found, "table", None)
    return table.c.get(found.key) if isinstance(table, Table) else found


def is_column_of(expression: ColumnElement[Any], source: FromClause) -> bool:
    """Whether this is a column of the table itself: then it has no value exactly where the row has none."""
    return getattr(plain(expression), "table", None) is source


def misfit(column: Column) -> str:
    """What is wrong with a column's expressions, in a sentence; empty when they can be selected.

    A table that is not joined would multiply the contacts.
    """
    allowed = [contacts, *([side_table(column)] if column.side_table is not None else [])]
    for expression in (column.expression, column.sort):
        if expression is None:
            continue
        for table in select(expression).get_final_froms():
            if all(table is not one for one in allowed):
                name = getattr(table, "name", "another table")
                return f"reads from {name} without side_table="
    return ""
