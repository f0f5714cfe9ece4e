"""INSERT … ON CONFLICT, which SQLite and PostgreSQL share but SQLAlchemy spells once for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, Select
from sqlalchemy.orm import Session

from core.database.base import Base


def upsert(
    session: Session,
    model: type[Base],
    values: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    update: Mapping[str, Any] | None = None,
    where: Any = None,
) -> Any:
    """An INSERT that, when a row with the same `keys` exists, sets `update` there (when `where` holds) or does nothing.

    `update` maps column names to values or SQL expressions.
    """
    statement = _insert(session, model).values(values)
    if update:
        return statement.on_conflict_do_update(index_elements=list(keys), set_=dict(update), where=where)
    return statement.on_conflict_do_nothing(index_elements=list(keys))


def insert_missing(
    session: Session,
    model: type[Base],
    columns: Sequence[str],
    source: Select[*tuple[Any, ...]],
    *,
    keys: Sequence[str],
) -> Any:
    """An INSERT … SELECT that leaves out the rows whose `keys` exist. `source` needs a WHERE: SQLite's parser does."""
    inserted = _insert(session, model).from_select(list(columns), source)
    return inserted.on_conflict_do_nothing(index_elements=list(keys))


def _insert(session: Session, model: type[Base]) -> Any:
    # Imported here: PostgreSQL's takes a tenth of a second, at each start, and a SQLite site never needs it.
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite

        return insert_sqlite(model)
    from sqlalchemy.dialects.postgresql import insert

    return insert(model)


def write_many(session: Session, statement: Executable) -> int:
    """Run an INSERT, UPDATE or DELETE of many rows past the ORM; answers how many it has written.

    Objects that the session has read before are not brought up to date.
    """
    # Without the first, PostgreSQL's driver has forgotten the number by the time it is asked.
    options = {"preserve_rowcount": True, "synchronize_session": False}
    result = session.execute(statement, execution_options=options)
    return int(cast("CursorResult[*tuple[Any, ...]]", result).rowcount)
