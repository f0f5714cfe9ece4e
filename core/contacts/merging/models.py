"""The tables of merging: what a merge changed, so that it can be undone, and which contacts are no duplicates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, ContactRef, Id, PlainContactRef


class ContactMerge(Base):
    """A merge that was not undone. Both contacts cascade: what it remembers of a person goes with the person.

    `log_mark` is the last entry of the kept contact's log at that moment; what is newer came since. `customer_since`
    says whether the kept contact has earned its stage again since, by an order of its own.
    """

    __tablename__ = "contact_merges"

    id: Mapped[Id]
    kept_id: Mapped[ContactRef]
    merged_id: Mapped[ContactRef]
    merged_at: Mapped[datetime] = mapped_column(default=now)
    actor_name: Mapped[str] = mapped_column(default="")
    log_mark: Mapped[int] = mapped_column(BigInt, default=0)
    customer_since: Mapped[bool] = mapped_column(default=False)

    # Never part of another merge: a chain of merges is undone one after the other.
    __table_args__ = ({"info": {"outside_merges": True}},)


class MergeChange(Base):
    """What a merge changed in one table; `changes` is written and read by `core.contacts.merging.journal`."""

    __tablename__ = "contact_merge_changes"

    merge_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contact_merges.id", ondelete="CASCADE"), primary_key=True)
    table_name: Mapped[str] = mapped_column(primary_key=True)
    changes: Mapped[dict[str, Any]]

    __table_args__ = ({"info": {"outside_merges": True}},)


class DistinctPair(Base):
    """Two contacts of which staff said that they are two people (FEATURES C9)."""

    __tablename__ = "contact_distinct_pairs"

    low_id: Mapped[PlainContactRef] = mapped_column(primary_key=True)
    high_id: Mapped[ContactRef] = mapped_column(primary_key=True)
    said_at: Mapped[datetime] = mapped_column(default=now)
    said_by: Mapped[str] = mapped_column(default="")

    __table_args__ = (CheckConstraint("low_id < high_id", name="order"),)
