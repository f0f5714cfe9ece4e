"""What customers ordered in all: the side tables behind the list's columns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt


class CustomerTotals(Base):
    """How many orders a contact has and when the last was placed, without those that were cancelled or refunded as a
    whole. Sorted by in the list.
    """

    __tablename__ = "shop_customer_totals"

    contact_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    orders: Mapped[int]
    last_order_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_shop_customer_totals_orders", "orders", "contact_id"),
        Index("ix_shop_customer_totals_last", "last_order_at", "contact_id"),
        {"info": {"derived": True}},
    )


class CustomerAmount(Base):
    """What a contact has really bought in one currency: its orders less what was cancelled or refunded of them."""

    __tablename__ = "shop_customer_amounts"

    contact_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    currency: Mapped[str] = mapped_column(primary_key=True)
    minor: Mapped[int] = mapped_column(BigInt)

    __table_args__ = ({"info": {"derived": True}},)
