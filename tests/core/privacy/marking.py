"""A mark in every text that a contact can have, in any table, and the search for it afterwards (THREATS T-R1).

Tables are found by their references to contacts, so that a table somebody adds is looked at without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Integer,
    String,
    Table,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.types import JSON, BigInteger

from core.database.base import Base, Text, UtcDateTime
from core.site import Site

MARK = "Zq7Marker"

NOT_THE_PERSONS: Mapping[str, frozenset[str]] = {
    # Names of stored files, by which their bytes are found.
    "contacts": frozenset({"picture", "email_key"}),
    "files": frozenset({"stored_name", "sha256"}),
    # The record's own names and words of staff: they stay with a record that the law keeps.
    "shop_orders": frozenset(
        {
            *("number", "token", "checkout_key", "currency", "country", "placed_by_name", "voucher_code"),
            *("payment_method", "source", "source_reference"),
        }
    ),
}
"""Table → columns of text that say nothing of the person."""


def personal_tables(session: Session) -> list[Table]:
    """The tables of this database whose rows refer to contacts, and `contacts` itself."""
    there = set(inspect(session.connection()).get_table_names())
    return [
        table
        for table in Base.metadata.sorted_tables
        if table.name in there and (table.name == "contacts" or list(references(table)))
    ]


def references(table: Table) -> Iterator[Column[Any]]:
    """The columns of a table that refer to contacts."""
    for column in table.columns:
        if any(key.column.table.name == "contacts" for key in column.foreign_keys):
            yield column


def chosen(table: Table) -> Mapping[str, str]:
    """Columns whose values a check prescribes → the first one allowed."""
    found = {}
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            for name, value in re.findall(r"(\w+) IN \('([^']*)'", str(constraint.sqltext)):
                found[name] = value
            found |= dict(re.findall(r"(\w+) = '([^']*)'", str(constraint.sqltext)))
    return found


def texts(table: Table) -> list[Column[Any]]:
    """The columns of a table that can hold a person's words."""
    free = [
        column
        for column in table.columns
        if column.name not in chosen(table)
        and column.name not in NOT_THE_PERSONS.get(table.name, ())
        and not column.foreign_keys
    ]
    return [column for column in free if isinstance(column.type, JSON | String | Text)]


def mark_everything(site: Site, contact_id: int) -> int:
    """Fill every text of every row that refers to a contact; answers how many tables were marked.

    A table without such a row gets one. Fails for a table where that is not possible: then say how, in `marking.py`.
    """
    number = 0
    with site.begin() as session:
        for table in personal_tables(session):
            mine = [table.c.id == contact_id] if table.name == "contacts" else []
            mine = mine or [column == contact_id for column in references(table)][:1]
            if session.execute(select(table).where(mine[0]).limit(1)).first() is None:
                session.execute(table.insert().values(new_row(session, table, contact_id)))
            values = {column.name: marked(column, table.name) for column in texts(table)}
            try:
                with session.begin_nested():
                    if values:
                        session.execute(update(table).where(mine[0]).values(values))
            except DatabaseError:
                # Rows that are only ever added, or of which some must differ: one more, with the marks in it.
                session.execute(table.insert().values(new_row(session, table, contact_id)))
            number += bool(values)
    return number


def marked(column: Column[Any], table: str) -> Any:
    """A value with the mark in it."""
    if isinstance(column.type, JSON):
        return {MARK: [f"{MARK} {table}.{column.name}", 1]}
    return f"{MARK} {table}.{column.name}"


def new_row(session: Session, table: Table, contact_id: int) -> dict[str, Any]:
    """A row that refers to the contact, with the mark in its texts; what stands behind such a row has none."""
    allowed, row = chosen(table), {}
    free = {column.name for column in texts(table)} if list(references(table)) else set()
    for column in table.columns:
        if column.foreign_keys:
            row[column.name] = _referred(session, column, contact_id)
        elif column.name in allowed:
            row[column.name] = allowed[column.name]
        elif column.name in free:
            row[column.name] = marked(column, table.name)
        elif column.primary_key and column.autoincrement is not False and isinstance(column.type, Integer | BigInteger):
            continue
        elif not column.nullable:
            row[column.name] = _plain(column)
    return row


def _referred(session: Session, column: Column[Any], contact_id: int) -> Any:
    (key,) = column.foreign_keys
    other = key.column.table
    if other.name == "contacts":
        # Of two people the other one is any: what is between them goes with either.
        (first, *_) = references(column.table)
        return contact_id if column is first else session.scalar(select(func.max(other.c.id)))
    found = session.execute(select(key.column).limit(1)).scalar()
    if found is None and not column.nullable:
        found = session.execute(
            other.insert().values(new_row(session, other, contact_id)).returning(key.column)
        ).scalar()
    return found


def _plain(column: Column[Any]) -> Any:
    if isinstance(column.type, UtcDateTime):
        return datetime.now(UTC)
    if isinstance(column.type, Date):
        return date.today()  # noqa: DTZ011
    if isinstance(column.type, Boolean):
        return False
    return f"{column.table.name}-{column.name}" if isinstance(column.type, String | Text) else 1


def rows_with_mark(site: Site) -> list[str]:
    """Every table in the database, whoever made it, that has the mark in a row, with such a row."""
    found = []
    with site.session() as session:
        for name in inspect(session.connection()).get_table_names():
            if site.database.is_sqlite:
                columns = [row[1] for row in session.execute(text(f"PRAGMA table_info({name})"))]
                whole = " || ' ' || ".join(f"coalesce(CAST({name}.\"{column}\" AS TEXT), '')" for column in columns)
            else:
                whole = f"CAST({name} AS TEXT)"
            row = session.execute(
                text(f"SELECT {whole} FROM {name} WHERE lower({whole}) LIKE :mark LIMIT 1"),
                {"mark": f"%{MARK.lower()}%"},
            ).scalar()
            if row is not None:
                found.append(f"{name}: {row}")
    return found


def files_with_mark(folder: Path) -> list[str]:
    """Every file below a folder that has the mark in its name or its bytes, the database's own files among them."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (MARK.lower().encode() in path.read_bytes().lower() or MARK.lower() in path.name.lower())
    ]
