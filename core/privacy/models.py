"""The receipts of erasing: what went and what stays, without the person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, Id

LineKind = Literal["erased", "kept", "missing"]
"""What a line says: gone, kept for a reason, or not reached because its plugin is not installed any more."""


class ErasureReceipt(Base):
    """That contacts were erased (FEATURES C8): when, by which account, how many.

    `occasion` joins the batches of one bulk action. `cleared_at` is when nothing was left of them outside of the
    tables: files on disk, and on SQLite the write-ahead log.
    """

    __tablename__ = "erasure_receipts"

    id: Mapped[Id]
    erased_at: Mapped[datetime] = mapped_column(default=now)
    actor_kind: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(BigInteger)
    contacts: Mapped[int] = mapped_column(default=0)
    occasion: Mapped[str | None] = mapped_column(unique=True)
    cleared_at: Mapped[datetime | None]


class ErasureLine(Base):
    """One line of a receipt. `label` and `reason` are message ids, `references` the kept records' own names."""

    __tablename__ = "erasure_receipt_lines"

    id: Mapped[Id]
    receipt_id: Mapped[int] = mapped_column(BigInt, ForeignKey("erasure_receipts.id", ondelete="CASCADE"), index=True)
    plugin: Mapped[str]
    kind: Mapped[LineKind]
    label: Mapped[str]
    number: Mapped[int]
    reason: Mapped[str] = mapped_column(default="")
    until: Mapped[date | None]
    references: Mapped[list[Any]] = mapped_column(JSON, default=list)

    __table_args__ = (CheckConstraint("kind IN ('erased', 'kept', 'missing')", name="kind"),)


class ErasedContact(Base):
    """The number of an erased contact, which says nothing of the person.

    A backup from before the erasing still holds the person: after it was restored, these are erased once more.
    `journaled_at` is when that was written down outside of the database (`core.backup.journal`).
    """

    __tablename__ = "erased_contacts"

    contact_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    receipt_id: Mapped[int] = mapped_column(BigInt, ForeignKey("erasure_receipts.id", ondelete="CASCADE"), index=True)
    journaled_at: Mapped[datetime | None]

    __table_args__ = (
        # Only what waits: it is looked for after each erasing, and every minute.
        Index(
            "ix_erased_contacts_unwritten",
            "contact_id",
            sqlite_where=sql("journaled_at IS NULL"),
            postgresql_where=sql("journaled_at IS NULL"),
        ),
    )
