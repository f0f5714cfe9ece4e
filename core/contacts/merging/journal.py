"""What a merge changes, whoever changes it: all rows of both contacts before and after, compared and kept.

Plugins move their rows as they like. The core looks at every table that refers to contacts, and at what refers to those
rows in turn, before and after, and keeps the difference by table and primary key. So a merge is undone without any
plugin having to remember what it did. A table says with its `info` how it is treated:

- `derived`: worked out from other rows; left alone, its plugin works it out anew;
- `append_only`: rows that a plugin added while merging stay;
- `outside_merges`: rows that stay with their contact whatever becomes of it, such as the core's notes about merging.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from attrs import frozen
from sqlalchemy import JSON, ColumnElement, Table, and_, delete, insert, null, or_, select, update
from sqlalchemy.orm import Session

from core.database.base import Base
from core.duties import CONTACTS, core_tables, personal_tables, tables_of
from core.errors import TresenError
from core.site import Site, builtin_keys

Row = Mapping[str, Any]
Key = tuple[Any, ...]
Rows = dict[Key, Row]

# One statement names so many keys at most; SQLite takes 32,766 parameters.
KEYS_A_QUERY = 400


@frozen(kw_only=True)
class Change:
    """One row as it was before a merge and after it: None where there was none. Only columns that differ, if both."""

    key: Key
    before: Row | None
    after: Row | None


def owners(site: Site) -> dict[str, str]:
    """Table → key of the plugin it belongs to; "" for the core. Only tables of what is installed here."""
    found = {table.name: "" for table in core_tables()}
    for plugin in site.plugins.installed:
        if plugin.key not in builtin_keys():
            for table in tables_of(plugin):
                found.setdefault(table.name, plugin.key)
    return found


def journaled(site: Site) -> list[Table]:
    """The tables that a merge may change and undoing puts back, parents before children."""
    wanted = owners(site)
    return [
        table
        for table in Base.metadata.sorted_tables
        if table.name in wanted
        and table.name != CONTACTS
        and not table.info.get("derived")
        and not table.info.get("outside_merges")
    ]


def snapshot(session: Session, site: Site, contact_ids: Sequence[int], *, hold: bool = False) -> dict[str, Rows]:
    """All rows of these contacts by table and primary key; `hold` keeps others from changing them meanwhile."""
    session.flush()
    tables = journaled(site)
    conditions = _conditions(tables, contact_ids)
    found: dict[str, Rows] = {}
    for table in tables:
        condition = conditions.get(table.name)
        if condition is not None:
            statement = select(table).where(condition)
            found[table.name] = _read(session, table, statement.with_for_update(of=table) if hold else statement)
    return found


def _conditions(tables: Sequence[Table], contact_ids: Sequence[int]) -> dict[str, ColumnElement[bool]]:
    """Table → which of its rows are these contacts': those that refer to them, and to rows that do."""
    conditions: dict[str, ColumnElement[bool]] = {}
    personal = {table.name for table in personal_tables(tables)}
    for table in tables:
        parts: list[ColumnElement[bool]] = []
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            parent = key.column.table
            if parent.name == CONTACTS and table.name in personal:
                parts.append(key.parent.in_(contact_ids))
            elif parent.name in conditions and parent is not table:
                parts.append(key.parent.in_(select(key.column).where(conditions[parent.name])))
        if parts:
            conditions[table.name] = or_(*parts)
    return conditions


def _read(session: Session, table: Table, statement: Any) -> Rows:
    return {_key(table, row): row for row in map(dict, session.execute(statement).mappings())}


def _key(table: Table, row: Row) -> Key:
    return tuple(row[column.name] for column in key_columns(table))


def key_columns(table: Table) -> list[Any]:
    """What names a row of the table: its primary key, or all columns of a table without one."""
    return list(table.primary_key.columns) or list(table.columns)


def differences(
    session: Session, site: Site, contact_ids: Sequence[int], before: Mapping[str, Rows]
) -> dict[str, list[Change]]:
    """What has become of the rows since the snapshot `before`, by table; tables without a change are left out."""
    after = snapshot(session, site, contact_ids)
    found: dict[str, list[Change]] = {}
    for table in journaled(site):
        old, new = before.get(table.name, {}), after.get(table.name, {})
        # A row that no longer is theirs is still there, changed: a reference that was set to nothing.
        new = {**current(session, table, [key for key in old if key not in new]), **new}
        changes = list(_compare(old, new, keep_added=bool(table.info.get("append_only"))))
        if changes:
            found[table.name] = changes
    return found


def _compare(old: Rows, new: Rows, *, keep_added: bool) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys(), key=repr):
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            if not (was is None and keep_added):
                yield Change(key=key, before=was, after=now)
        elif changed := [name for name in was if was[name] != now[name]]:
            yield Change(
                key=key, before={name: was[name] for name in changed}, after={name: now[name] for name in changed}
            )


def current(session: Session, table: Table, keys: Sequence[Key]) -> Rows:
    """The rows with these primary keys as they are now."""
    found: Rows = {}
    for start in range(0, len(keys), KEYS_A_QUERY):
        part = [_named(table, key) for key in keys[start : start + KEYS_A_QUERY]]
        found.update(_read(session, table, select(table).where(or_(*part))))
    return found


def _named(table: Table, key: Key) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(key_columns(table), key, strict=True)))


# Putting back


def still_is(change: Change, now: Row | None) -> bool:
    """Whether a row is as the merge left it, in all that the merge changed."""
    if change.after is None or now is None:
        return change.after is None and now is None
    return all(now[name] == value for name, value in change.after.items())


def put_back(session: Session, changes: Mapping[str, Sequence[Change]]) -> None:
    """Make rows again what they were before: children go first and come last."""
    tables = [table for table in Base.metadata.sorted_tables if table.name in changes]
    for table in reversed(tables):
        for change in changes[table.name]:
            if change.before is None:
                session.execute(delete(table).where(_named(table, change.key)))
    for table in tables:
        for change in changes[table.name]:
            if change.before is not None and change.after is not None:
                values = _bound(table, change.before)
                session.execute(update(table).where(_named(table, change.key)).values(values))
        gone = [
            _bound(table, one.before) for one in changes[table.name] if one.before is not None and one.after is None
        ]
        for row in gone:
            session.execute(insert(table).values(row))


def _bound(table: Table, row: Row) -> dict[str, Any]:
    """The row as it is written: None is NULL in a JSON column too, as far as the column may be NULL."""
    return {
        name: null() if value is None and isinstance(table.c[name].type, JSON) and table.c[name].nullable else value
        for name, value in row.items()
    }


# As JSON

_KINDS: tuple[tuple[str, type, Any, Any], ...] = (
    ("datetime", datetime, datetime.isoformat, datetime.fromisoformat),
    ("date", date, date.isoformat, date.fromisoformat),
    ("time", time, time.isoformat, time.fromisoformat),
    ("days", timedelta, lambda value: [value.days, value.seconds, value.microseconds], lambda parts: timedelta(*parts)),
    ("decimal", Decimal, str, Decimal),
    ("uuid", uuid.UUID, str, uuid.UUID),
    ("bytes", bytes, lambda value: base64.b64encode(value).decode("ascii"), base64.b64decode),
    ("json", dict, dict, dict),
    ("json", list, list, list),
)
"""Name, type, and how it becomes JSON and is read again. A datetime is a date: it stands before it."""


def _packed(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    for name, kind, pack, _ in _KINDS:
        if isinstance(value, kind):
            return {name: pack(value)}
    raise TresenError("A value of type %(kind)s can't be kept for undoing.", kind=type(value).__name__)


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((name, packed),) = value.items()
    if name == "json":
        return packed
    return next(read(packed) for known, _, _, read in _KINDS if known == name)


def pack(changes: Sequence[Change]) -> dict[str, Any]:
    """Changes as JSON that `unpack` reads; raises TresenError for a value that JSON can't hold."""

    def row(values: Row | None) -> Any:
        return None if values is None else {name: _packed(value) for name, value in values.items()}

    return {
        "rows": [
            {"key": [_packed(part) for part in one.key], "before": row(one.before), "after": row(one.after)}
            for one in changes
        ]
    }


def unpack(kept: Mapping[str, Any]) -> list[Change]:
    """The changes that `pack` wrote."""

    def row(values: Any) -> Row | None:
        return None if values is None else {name: _unpacked(value) for name, value in values.items()}

    return [
        Change(key=tuple(_unpacked(part) for part in one["key"]), before=row(one["before"]), after=row(one["after"]))
        for one in kept["rows"]
    ]
