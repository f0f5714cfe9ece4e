"""Many rows at once into a table, in the way that is quickest on each database (STACK, "Bulk")."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from sqlalchemy import ARRAY, ColumnElement, Connection, Table, any_, func, literal, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session


def is_sqlite(session: Session) -> bool:
    """Whether this session's database is SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def within(
    session: Session, column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Sequence[Any]
) -> ColumnElement[bool]:
    """That a column has one of many values, given as one parameter: a thousand take long to read."""
    if is_sqlite(session):
        listed = func.json_each(json.dumps(list(values), ensure_ascii=False)).table_valued("value")
        return column.in_(select(listed.c.value))
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
    if is_sqlite(session):
        _insert_at_once(connection, table.name, columns, rows, constant, ignoring)
        return
    complete = [(*row, *rest) for row in rows] if rest else rows
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


def _insert_at_once(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    constant: Mapping[str, Any],
    ignoring: str,
) -> None:
    """All rows by one statement, from a table in memory: each statement has the search index write what it holds.

    One statement for each row takes four times as long (docs/decisions/0015).
    """
    listed = ", ".join(f'"{name}"' for name in columns)
    if len(rows) == 1:
        every = [*columns, *constant]
        named, marks = ", ".join(f'"{name}"' for name in every), ", ".join("?" for _ in every)
        statement = f"INSERT INTO {table} ({named}) VALUES ({marks}){ignoring}"  # noqa: S608 (our own names)
        connection.exec_driver_sql(statement, (*rows[0], *constant.values()))
        return
    # One for each choice of columns; it stays with the connection, so that prepared statements stay good.
    target = f"tresen_bulk_{table}_{crc32(listed.encode())}"
    connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {target} ({listed})")
    marks = ", ".join("?" for _ in columns)
    connection.exec_driver_sql(f"INSERT INTO temp.{target} VALUES ({marks})", rows)  # noqa: S608
    named = "".join(f', "{name}"' for name in constant)
    values = ", ?" * len(constant)
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({listed}{named}) SELECT {listed}{values} FROM temp.{target} WHERE true{ignoring}",  # noqa: S608
        tuple(constant.values()),
    )
    connection.exec_driver_sql(f"DELETE FROM temp.{target}")  # noqa: S608


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
