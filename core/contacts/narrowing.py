"""How the contacts of a search and filters are found quickly, whether they are ten or half of all.

SQLite knows nothing of how many rows a condition leaves: it reads forty thousand contacts with a tag and sorts them to
show fifty, or goes through all contacts by date for the three that have another. So it is told what to begin with, and
where there are several ways is asked first how many contacts each would leave. PostgreSQL counts for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen
from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    ColumnElement,
    FromClause,
    PrimaryKeyConstraint,
    ScalarSelect,
    Select,
    Table,
    UniqueConstraint,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BooleanClauseList

from core.contacts.models import Contact
from core.contacts.search_index import SQLITE_TABLE

contacts: Table = Contact.__table__  # type: ignore[assignment]


@frozen(kw_only=True)
class Lookup:
    """A condition that names contacts by their ids: `contacts.id IN (SELECT …)`.

    `ids` is that select. With `once`, it answers no contact twice.
    """

    condition: ColumnElement[bool] = field(eq=False)
    ids: Select[Any] = field(eq=False)
    once: bool


def lookups(conditions: Sequence[ColumnElement[bool]]) -> list[Lookup]:
    """The conditions that name contacts by ids and that every contact of the list must meet."""
    return [found for condition in _flat(conditions) if (found := _lookup(condition)) is not None]


def _flat(conditions: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    flat: list[ColumnElement[bool]] = []
    for condition in conditions:
        if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
            flat.extend(_flat(condition.clauses))
        else:
            flat.append(condition)
    return flat


def _lookup(condition: object, *wanted: object) -> Lookup | None:
    if not isinstance(condition, BinaryExpression) or condition.operator not in (wanted or (operators.in_op,)):
        return None
    if table_column(condition.left) is not contacts.c.id or not isinstance(condition.right, ScalarSelect):
        return None
    ids = condition.right.element
    return Lookup(condition=condition, ids=ids, once=_answers_once(ids)) if isinstance(ids, Select) else None


def table_column(expression: Any) -> object:
    """The table's own column behind an attribute of a mapped class; any other expression as it is."""
    found = expression.__clause_element__() if hasattr(expression, "__clause_element__") else expression
    table = getattr(found, "table", None)
    return table.c.get(found.key) if isinstance(table, Table) else found


def _answers_once(ids: Select[Any]) -> bool:
    """Whether a select from one table answers each id once, by a unique key of that and of what is held fixed."""
    tables = _tables_of(ids)
    if len(tables) != 1 or len(ids.selected_columns) != 1:
        return False
    if not isinstance(tables[0], Table):
        return _is_index(tables[0])
    fixed = {table_column(ids.selected_columns[0])}
    for condition in _flat([ids.whereclause] if ids.whereclause is not None else []):
        if (
            isinstance(condition, BinaryExpression)
            and condition.operator is operators.eq
            and isinstance(condition.right, BindParameter)
        ):
            fixed.add(table_column(condition.left))
    keys = [
        set(constraint.columns)
        for constraint in tables[0].constraints
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint)
    ]
    return any(key <= fixed for key in keys if key)


@frozen(kw_only=True)
class Way:
    """Where to read contacts from, and what is left to be asked of them; `most` is how many that may be, if known."""

    start: FromClause
    conditions: Sequence[ColumnElement[bool]] = field(eq=False)
    most: int | None = None


def narrowed(session: Session, conditions: Sequence[ColumnElement[bool]], limit: int) -> Way:
    """The way to the contacts that meet the conditions: by the condition that names the fewest by their ids, if any.

    Of those that it names at `most`, no more than `limit` + 1 are counted.
    """
    found = lookups(conditions)
    if not found:
        return Way(start=contacts, conditions=conditions)
    read = session.connection()
    sizes = [
        read.execute(select(func.count()).select_from(one.ids.limit(limit + 1).subquery())).scalar_one()
        for one in found
    ]
    most, driver = min(zip(sizes, found, strict=True), key=lambda pair: pair[0])
    start, left = _from(driver, conditions)
    return Way(start=start, conditions=left, most=most)


def found_at_once(
    session: Session, conditions: Sequence[ColumnElement[bool]], limit: int
) -> tuple[list[int], list[ColumnElement[bool]]] | None:
    """The ids that the only condition of that kind names, and what is left to be asked of those contacts.

    None when there is no such condition, or a choice, or when it names more than `limit`.
    """
    found = lookups(conditions)
    if len(found) != 1:
        return None
    ids = session.connection().execute(found[0].ids.limit(limit + 1)).scalars().all()
    if len(ids) > limit:
        return None
    return list(ids), [one for one in _flat(conditions) if one is not found[0].condition]


def _from(driver: Lookup, conditions: Sequence[ColumnElement[bool]]) -> tuple[FromClause, list[ColumnElement[bool]]]:
    rest = [_as_probe(one) for one in _flat(conditions) if one is not driver.condition]
    if not driver.once:
        return contacts, [driver.condition, *rest]
    ids = driver.ids.subquery("named")
    return ids.join(contacts, contacts.c.id == ids.c[0]), rest


def count_up_to(session: Session, conditions: Sequence[ColumnElement[bool]], limit: int) -> int:
    """How many contacts meet the conditions; `limit` + 1 when there are more than that.

    Read from what names them by ids, if that names nobody twice: then nothing has to be kept to stop at the limit.
    """
    driver = next((one for one in lookups(conditions) if one.once), None)
    start, rest = _from(driver, conditions) if driver else (contacts, list(conditions))
    matching = select(contacts.c.id).select_from(start).where(*rest).limit(limit + 1).subquery()
    return session.connection().execute(select(func.count()).select_from(matching)).scalar_one()


def as_probes(conditions: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """The conditions in the form that is quickest for one contact after another.

    Each is closed off, so that SQLite does not leave the order of the list for an index on a condition.
    """
    return [_as_probe(one).is_(true()) for one in _flat(conditions)]


def _as_probe(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition with EXISTS, by an index for each contact, where SQLite would first make a list of all."""

    def replace(element: Any, **_: Any) -> Any:
        found = _lookup(element, operators.in_op, operators.not_in_op)
        if found is None or not _is_plain(found.ids):
            return None
        same = found.ids.selected_columns[0] == contacts.c.id
        exists = found.ids.with_only_columns(literal_column("1")).where(same).correlate(contacts).exists()
        return ~exists if element.operator is operators.not_in_op else exists

    probe: ColumnElement[bool] = visitors.replacement_traverse(condition, {}, replace)
    return probe


def _tables_of(ids: Select[Any]) -> Sequence[FromClause]:
    """What a select reads from; without compiling it where that is simple, as `get_final_froms` does."""
    if ids._from_obj or ids._setup_joins:
        return ids.get_final_froms()
    where = [] if ids.whereclause is None else tables_in(ids.whereclause)
    return list(dict.fromkeys([*ids.columns_clause_froms, *where]))


def tables_in(condition: ColumnElement[bool]) -> Sequence[FromClause]:
    """The tables whose columns a condition speaks of, beside those that it selects from by itself."""
    return list(dict.fromkeys(condition._from_objects))


def _is_plain(ids: Select[Any]) -> bool:
    """Whether a select's rows can be asked for one by one."""
    tables = _tables_of(ids)
    return (
        ids._limit_clause is None
        and ids._offset_clause is None
        and not ids._group_by_clauses
        and contacts not in tables
        # The index would answer the whole question anew for every contact.
        and not any(map(_is_index, tables))
    )


def _is_index(table: object) -> bool:
    return not isinstance(table, Table) and getattr(table, "name", "") == SQLITE_TABLE
