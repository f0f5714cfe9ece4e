"""How many rows a table has of some contacts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from core.database.base import Base


def count_rows(session: Session, model: type[Base], contact_ids: Sequence[int], column: str = "contact_id") -> int:
    """The rows of a table that refer to one of these contacts, for what `erase_contacts` says of them."""
    table = model.__table__
    assert isinstance(table, Table)
    statement = select(func.count()).select_from(table).where(table.c[column].in_(contact_ids))
    return session.scalar(statement) or 0
