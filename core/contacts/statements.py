"""The list's statements: one finds the contacts of a page in their order, another reads their cells.

So what is shown never decides how contacts are found. Building a statement costs four times running it: they are built
once and kept with the site, and only search and filters are added for a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from attrs import field, frozen
from sqlalchemy import Column as TableColumn
from sqlalchemy import ColumnElement, FromClause, Integer, Select, and_, bindparam, func, null, or_, select, tuple_

from core.contacts.matching import TAB_CONDITIONS, contacts
from core.contacts.narrowing import table_column
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
    """Which contacts a statement finds, and in which order."""

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
        order = table_column(self.order)
        return not (isinstance(order, TableColumn) and order.table is contacts and not order.nullable)


def make_plan(sort: Column, tab: Tab, *, descending: bool) -> Plan:
    """The plan of a list sorted by this column."""
    return Plan(sort=sort, sort_key=sort.key, tab=tab, descending=descending)


def in_order(site: Site, plan: Plan, segment: Segment, *, backward: bool, from_cursor: bool) -> Select[Any]:
    """`id` and `sort_value` of the contacts of one segment, read in the list's order.

    Its parameters: `rows`; with `from_cursor` also `at_value`, `at_id`.
    """
    return _kept(
        site,
        (plan, segment, backward, from_cursor),
        lambda: _in_order(plan, segment, backward=backward, from_cursor=from_cursor),
    )


def _kept(site: Site, key: object, build: Callable[[], Select[Any]]) -> Select[Any]:
    kept: dict[object, Select[Any]] = site.__dict__.setdefault("_contact_statements", {})
    if key not in kept:
        if len(kept) >= MAX_KEPT:
            kept.clear()
        kept[key] = build()
    return kept[key]


def _in_order(plan: Plan, segment: Segment, *, backward: bool, from_cursor: bool) -> Select[Any]:
    order, source = plan.order, side_table(plan.sort)
    sort_id: ColumnElement[int] = contacts.c.id
    start: FromClause = contacts
    if source is not None and segment == "valued" and is_column_of(order, source):
        # By the side table's index, which a LEFT JOIN from the contacts can't use: 1 ms instead of a second.
        sort_id = source.c.contact_id
        start = source.join(contacts, contacts.c.id == source.c.contact_id)
    elif source is not None:
        start = contacts.outerjoin(source, source.c.contact_id == contacts.c.id)
    built = (
        select(contacts.c.id, (order if segment == "valued" else null()).label("sort_value"))
        .select_from(start)
        .where(*TAB_CONDITIONS[plan.tab])
    )
    if plan.has_empty:
        built = built.where(order.is_not(None) if segment == "valued" else order.is_(None))
    down = plan.descending != backward
    keys: list[ColumnElement[Any]] = [order, sort_id] if segment == "valued" else [contacts.c.id]
    if from_cursor:
        built = built.where(_beyond(keys, down, order))
    return built.order_by(*(key.desc() if down else key.asc() for key in keys)).limit(bindparam("rows", type_=Integer))


def _beyond(keys: Sequence[ColumnElement[Any]], down: bool, order: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition of what comes after the cursor."""
    at: list[ColumnElement[Any]] = [bindparam("at_id", type_=contacts.c.id.type)]
    if len(keys) > 1:
        at.insert(0, bindparam("at_value", type_=order.type))
    left, right = (tuple_(*keys), tuple_(*at)) if len(keys) > 1 else (keys[0], at[0])
    return left < right if down else left > right


def found_first(
    plan: Plan,
    start: FromClause,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    segment: Segment | None,
    *,
    backward: bool,
) -> Select[Any]:
    """`id`, `sort_value` and the number of `all` contacts in `start` that meet the conditions: found, then sorted.

    `all` is `limit` + 1 when there are more; then the order is not the list's. `segment` is the one that a cursor
    stands in. Parameters as those of `in_order`.
    """
    order, source = plan.order, side_table(plan.sort)
    if source is not None:
        start = start.outerjoin(source, source.c.contact_id == contacts.c.id)
    found = (
        select(contacts.c.id, order.label("sort_value"))
        .select_from(start)
        .where(*TAB_CONDITIONS[plan.tab], *conditions)
        .limit(limit + 1)
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    value, number, is_empty = found.c.sort_value, found.c.id, found.c.sort_value.is_(None)
    built = select(number, value, select(func.count()).select_from(found).scalar_subquery().label("all"))
    down = plan.descending != backward
    if segment == "valued":
        further = _beyond([value, number], down, order)
        built = built.where(and_(~is_empty, further) if backward else or_(is_empty, further))
    elif segment == "empty":
        further = and_(is_empty, _beyond([number], down, order))
        built = built.where(or_(~is_empty, further) if backward else further)
    keys = [is_empty.desc() if backward else is_empty.asc()]
    keys += [key.desc() if down else key.asc() for key in (value, number)]
    return built.order_by(*keys).limit(bindparam("rows", type_=Integer))


def handful(site: Site, plan: Plan) -> Select[Any]:
    """`id`, `sort_value` and the number of `all` of the contacts in the parameter `ids`, in the list's order.

    Its other parameter is `rows`. What is asked of the contacts beyond their ids can be added with `where`.
    """
    return _kept(site, (plan, "handful"), lambda: _handful(plan))


def _handful(plan: Plan) -> Select[Any]:
    order, source = plan.order, side_table(plan.sort)
    start = contacts if source is None else contacts.outerjoin(source, source.c.contact_id == contacts.c.id)
    keys = [order.is_(None), *(key.desc() if plan.descending else key.asc() for key in (order, contacts.c.id))]
    return (
        select(contacts.c.id, order.label("sort_value"), func.count().over().label("all"))
        .select_from(start)
        .where(contacts.c.id.in_(bindparam("ids", expanding=True)), *TAB_CONDITIONS[plan.tab])
        .order_by(*keys)
        .limit(bindparam("rows", type_=Integer))
    )


def cells_of(site: Site, columns: Sequence[Column]) -> Select[Any]:
    """What each row needs, and `c0`, `c1` … for the expression columns; of the contacts in the parameter `ids`."""
    return _kept(site, tuple(column.key for column in columns), lambda: _cells_of(columns))


def _cells_of(columns: Sequence[Column]) -> Select[Any]:
    start: FromClause = contacts
    joined: list[FromClause] = []
    for column in columns:
        other = side_table(column)
        if other is not None and all(other is not one for one in joined):
            start = start.outerjoin(other, other.c.contact_id == contacts.c.id)
            joined.append(other)
    return (
        select(
            *(contacts.c[name] for name in ALWAYS),
            *(cast("ColumnElement[Any]", column.expression).label(f"c{index}") for index, column in enumerate(columns)),
        )
        .select_from(start)
        .where(contacts.c.id.in_(bindparam("ids", expanding=True)))
    )


def side_table(column: Column) -> FromClause | None:
    """The table a column reads from besides the contacts; a mapped class is as good as its table."""
    return getattr(column.side_table, "__table__", column.side_table)


def is_column_of(expression: ColumnElement[Any], source: FromClause) -> bool:
    """Whether this is a column of the table itself: then it has no value exactly where the row has none."""
    return getattr(table_column(expression), "table", None) is source


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
