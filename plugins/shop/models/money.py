"""What was paid and given back, and the invoices (§ 14 UStG)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id


class Payment(Base):
    """A payment for an order: begun with a provider, or noted by staff.

    `reference` is what a provider calls back with, and can't be guessed; `url` is where the customer pays. `amount` is
    what was asked for, and once it is paid what came in: it may be another, and may come in after another payment or
    for an order that is cancelled by then.
    """

    __tablename__ = "shop_payments"

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    method: Mapped[str]
    reference: Mapped[str] = mapped_column(unique=True)
    provider_reference: Mapped[str] = mapped_column(default="")
    url: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="started")
    amount: Mapped[int] = mapped_column(BigInt)
    started_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('started', 'paid', 'failed')", name="state"),
        CheckConstraint("amount >= 0", name="amount"),
    )


class Refund(Base):
    """That something of an order was taken back: pieces, money, or both; the whole rest when `kind` is "cancel".

    `amount` is taken off what the order comes to; `money_back` goes back to the customer, which is less when not all
    was paid, and more than `amount` (0) for "surplus", money that came in beyond the order. `to_balance` of it goes
    back onto the voucher that paid it. `paid_back_at` is when the rest went, None while a provider has yet to do it.
    """

    __tablename__ = "shop_refunds"

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInt)
    money_back: Mapped[int] = mapped_column(BigInt)
    reason: Mapped[str] = mapped_column(default="")
    payment_id: Mapped[int | None] = mapped_column(
        BigInt, ForeignKey("shop_payments.id", ondelete="SET NULL"), index=True
    )
    at: Mapped[datetime]
    actor_name: Mapped[str] = mapped_column(default="")
    paid_back_at: Mapped[datetime | None]
    to_balance: Mapped[int] = mapped_column(BigInt, default=0, server_default="0")

    __table_args__ = (
        CheckConstraint("kind IN ('refund', 'cancel', 'surplus')", name="kind"),
        CheckConstraint("amount >= 0 AND money_back >= 0", name="amounts"),
        CheckConstraint("to_balance >= 0 AND to_balance <= money_back", name="to_balance"),
    )


class RefundLine(Base):
    """What of a line a refund took back: pieces, and their price less the voucher's share; no piece when it only got
    cheaper.
    """

    __tablename__ = "shop_refund_lines"

    refund_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_refunds.id", ondelete="CASCADE"), primary_key=True)
    line_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_order_lines.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    quantity: Mapped[int]
    amount: Mapped[int] = mapped_column(BigInt)

    __table_args__ = (CheckConstraint("quantity >= 0 AND amount >= 0", name="amounts"),)


class InvoiceCounter(Base):
    """The last invoice number of a year. Its row is locked by the invoice that takes a number, so numbers have no
    gaps (§ 14 (4) no. 4 UStG).
    """

    __tablename__ = "shop_invoice_counters"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Invoice(Base):
    """An invoice, or the correction of one (`kind` "correction", § 31 (5) UStDV), never changed once it is made.

    `content` is all that stands on it, as it was then (`plugins.shop.invoices`). `total` is positive in both. One
    order has one invoice at most, and a correction for each refund after it.
    """

    __tablename__ = "shop_invoices"

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    year: Mapped[int]
    position: Mapped[int]
    kind: Mapped[str]
    order_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_orders.id"), index=True)
    corrects_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("shop_invoices.id"), index=True)
    refund_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("shop_refunds.id"), unique=True)
    issued_at: Mapped[datetime]
    issued_by: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    total: Mapped[int] = mapped_column(BigInt)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (
        CheckConstraint("kind IN ('invoice', 'correction')", name="kind"),
        CheckConstraint("(kind = 'correction') = (corrects_id IS NOT NULL)", name="corrects"),
        UniqueConstraint("year", "position", name="uq_shop_invoices_position"),
        Index(
            "uq_shop_invoices_order",
            "order_id",
            unique=True,
            sqlite_where=sql("kind = 'invoice'"),
            postgresql_where=sql("kind = 'invoice'"),
        ),
        Index("ix_shop_invoices_issued", "issued_at", "id"),
    )
