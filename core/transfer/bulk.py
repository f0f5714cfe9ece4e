"""Many rows at once into a table, in the way that is quickest on each database (STACK, "Bulk")."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Table, any_, literal, text
from sqlalchemy.orm import Session


def is_sqlite(session: Session) -> bool:
    """Whether this session's database is SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def within(session: Session, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """That a column has one of many values: on PostgreSQL as one array, quicker to read than a thousand parameters."""
    if is_sqlite(session):
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type)))


def as_stored(session: Session) -> Callable[[Any], Any]:
    """A function that makes of a value what the driver takes: JSON as text, and SQLite's times as text."""
    sqlite = is_sqlite(session)

    def convert(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if sqlite else value
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False)
        return value

    return convert


def insert_rows(
    session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, unique: str = ""
) -> None:
    """Insert rows whose values are as the driver takes them (`as_stored`).

    With `unique`, the name of a unique column or two, rows that are there already are left out. The columns that are
    not named get the model's defaults. No defaults and no checks of SQLAlchemy's run for each row.
    """
    if not rows:
        return
    names, constant = [*columns], _defaults(session, table, columns)
    names += constant
    rest = tuple(constant.values())
    connection = session.connection()
    listed = ", ".join(f'"{name}"' for name in names)
    ignoring = f" ON CONFLICT ({unique}) DO NOTHING" if unique else ""
    complete = [(*row, *rest) for row in rows] if rest else [tuple(row) for row in rows]
    if is_sqlite(session):
        marks = ", ".join("?" for _ in names)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({listed}) VALUES ({marks}){ignoring}",  # noqa: S608 (names of our own tables)
            complete,
        )
        return
    if not unique:
        _copy(session, table.name, listed, complete)
        return
    from psycopg.errors import UniqueViolation

    # Rows that are there already are rare. Only when there are any, all go by way of a table of their own.
    savepoint = session.begin_nested()
    try:
        _copy(session, table.name, listed, complete)
        savepoint.commit()
        return
    except UniqueViolation:
        savepoint.rollback()
    target = f"tresen_bulk_{table.name}"
    connection.execute(text(f"CREATE TEMP TABLE {target} AS SELECT {listed} FROM {table.name} LIMIT 0"))  # noqa: S608
    _copy(session, target, listed, complete)
    connection.execute(
        text(f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {target}{ignoring}")  # noqa: S608
    )
    connection.execute(text(f"DROP TABLE {target}"))


def _copy(session: Session, target: str, listed: str, rows: Sequence[Sequence[Any]]) -> None:
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {target} ({listed}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _defaults(session: Session, table: Table, given: Sequence[str]) -> dict[str, Any]:
    """The model's own defaults for columns that are not given."""
    convert = as_stored(session)
    found: dict[str, Any] = {}
    for column in table.columns:
        default: Any = column.default
        if column.name in given or default is None or column.primary_key:
            continue
        value = default.arg(None) if default.is_callable else default.arg if default.is_scalar else None
        found[column.name] = convert(value)
    return found


def next_ids(session: Session, table: Table, number: int) -> Sequence[int]:
    """Ids for new rows. On SQLite the caller's transaction must hold the write lock until they are inserted."""
    if not number:
        return []
    if is_sqlite(session):
        first = (session.execute(text(f"SELECT max(id) FROM {table.name}")).scalar() or 0) + 1  # noqa: S608
        return range(first, first + number)
    asked = text(f"SELECT nextval(pg_get_serial_sequence('{table.name}', 'id')) FROM generate_series(1, :number)")  # noqa: S608
    return list(session.execute(asked, {"number": number}).scalars())
