"""Base class of all tables, the core's and the plugins', and the column types they share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import JSON, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC. A naive one is refused: nobody could say which moment it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware datetime → UTC; SQLite keeps no zone, so it gets the bare UTC time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone. Use datetime.now(UTC) or attach one.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What the database gave → aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(TypeDecorator[str]):
    """Text of any length without NUL characters, which SQLite would store and PostgreSQL refuse (DESIGN section 6)."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse NUL, so that both databases behave alike; screens refuse it earlier, with a kinder text."""
        if value is not None and "\x00" in value:
            raise ValueError("Text with a NUL character can't be stored.")
        return value


# PostgreSQL would sort by the rules of its server's language, and SQLite by code points: what is folded for sorting
# (`core.contacts.folding`) is sorted alike by both.
SortText = Text().with_variant(String(collation="C"), "postgresql")

# SQLite makes only an INTEGER primary key its rowid.
BigInt = BigInteger().with_variant(Integer(), "sqlite")

Id = Annotated[int, mapped_column(BigInt, primary_key=True)]
"""Primary key, given by the database, growing."""

ContactRef = Annotated[int, mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), index=True)]
"""Reference to a contact; the row goes when the contact is erased. Indexed, or each erasure would scan the table."""

PlainContactRef = Annotated[int, mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"))]
"""As ContactRef, for a table whose own index or key begins with the column."""

OptionalContactRef = Annotated[
    int | None, mapped_column(BigInt, ForeignKey("contacts.id", ondelete="SET NULL"), index=True)
]
"""Reference to a contact that outlives it: for rows the law makes a plugin keep."""


class Base(DeclarativeBase):
    """Base of every table. A plugin's tables are named `<plugin>_…`."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own class attribute)
        str: Text,
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
    }
