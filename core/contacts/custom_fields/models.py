"""The tables of custom fields: what is asked, what can be chosen, and each contact's values."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, Dialect, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from core.contacts.models import now
from core.database.base import Base, BigInt, Id
from core.values import FieldKind

DECIMALS = 6
"""Digits after the decimal point that a number keeps."""

LARGEST = Decimal(10) ** 12
"""Numbers are smaller than this: with six digits after the point they fit into 64 bits."""


class ExactNumber(TypeDecorator[Decimal]):
    """A Decimal with up to six digits after the point, stored as a whole number of millionths.

    SQLite would store a NUMERIC as a float. What is asked about beyond the largest number is compared as the largest.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Decimal or int → millionths."""
        if value is None:
            return None
        return int(max(-LARGEST, min(LARGEST, Decimal(value))).scaleb(DECIMALS))

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Millionths → Decimal, without zeros at its end."""
        if value is None:
            return None
        whole, rest = divmod(value, 10**DECIMALS)
        return Decimal(whole) if rest == 0 else Decimal(value).scaleb(-DECIMALS).normalize()


class CustomField(Base):
    """A field that staff added. Its kind stays as it was chosen; all else can be changed.

    `label_key` is what is compared, unique among the fields. A field that was removed is gone for everybody at once
    (`removed_at`, no key); its row goes when its values have.
    """

    __tablename__ = "contact_fields"

    id: Mapped[Id]
    kind: Mapped[FieldKind]
    label: Mapped[str]
    label_key: Mapped[str | None] = mapped_column(unique=True)
    hint: Mapped[str] = mapped_column(default="")
    position: Mapped[int]
    in_list: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("kind IN ('text', 'number', 'date', 'choice', 'yesno')", name="kind"),)


class CustomFieldChoice(Base):
    """An option of a choice field; removed in the same way as a field."""

    __tablename__ = "contact_field_choices"

    id: Mapped[Id]
    field_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contact_fields.id", ondelete="CASCADE"))
    label: Mapped[str]
    label_key: Mapped[str | None]
    position: Mapped[int]
    removed_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("field_id", "label_key", name="uq_contact_field_choices_label"),)


class CustomFieldValue(Base):
    """A contact's value of a field, in the column of the field's kind; without a value there is no row.

    `text_key` is the casefolded text, by which texts are sorted and compared, `place` the position of the choice.
    `set_at` and `set_by` say since when it is known and who entered it.
    """

    __tablename__ = "contact_field_values"

    contact_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True)
    field_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contact_fields.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str | None]
    text_key: Mapped[str | None]
    number: Mapped[Decimal | None] = mapped_column(ExactNumber)
    day: Mapped[date | None] = mapped_column(Date)
    yes: Mapped[bool | None]
    choice_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("contact_field_choices.id", ondelete="CASCADE"))
    place: Mapped[int | None]
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index("ix_contact_field_values_field", "field_id", "contact_id"),
        Index(
            "ix_contact_field_values_choice",
            "choice_id",
            "contact_id",
            sqlite_where=sql("choice_id IS NOT NULL"),
            postgresql_where=sql("choice_id IS NOT NULL"),
        ),
        # One of them is filled, so each value is in one index besides those of its references.
        *(
            Index(
                f"ix_contact_field_values_{column}",
                "field_id",
                column,
                "contact_id",
                sqlite_where=sql(f"{column} IS NOT NULL"),
                postgresql_where=sql(f"{column} IS NOT NULL"),
            )
            for column in ("text_key", "number", "day", "yes", "place")
        ),
    )
