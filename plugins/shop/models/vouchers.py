"""Vouchers and their uses (FEATURES S3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id, OptionalContactRef
from plugins.shop.models.moments import now


class Voucher(Base):
    """A voucher (FEATURES S3). `value` is basis points for kind "percent", minor units of `currency` for the others.

    "percent" and "fixed" take something off an order. "balance" pays for it: `value` is what was on it at first, and
    `balance` what is left, which is `value` plus all its `VoucherMovement`s, and is kept here so that one statement
    spends it.

    Valid from `starts_at` until before `ends_at`. `uses` counts the orders that used it and were not cancelled (of a
    balance all of them): kept here, so that a limit is held by one statement. `minimum` is in minor units of
    `currency`.
    """

    __tablename__ = "shop_vouchers"

    id: Mapped[Id]
    code: Mapped[str]
    code_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    value: Mapped[int] = mapped_column(BigInt)
    currency: Mapped[str]
    minimum: Mapped[int] = mapped_column(BigInt, default=0)
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    limit: Mapped[int | None]
    limit_per_customer: Mapped[int | None]
    uses: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    batch_id: Mapped[int | None] = mapped_column(
        BigInt, ForeignKey("shop_voucher_batches.id", ondelete="SET NULL"), index=True
    )
    balance: Mapped[int] = mapped_column(BigInt, default=0, server_default="0")

    __table_args__ = (
        CheckConstraint("kind IN ('percent', 'fixed', 'balance')", name="kind"),
        CheckConstraint("value > 0", name="value"),
        CheckConstraint("uses >= 0", name="uses"),
        CheckConstraint("balance >= 0 AND balance <= value", name="balance"),
    )


class VoucherUse(Base):
    """That an order used a voucher, and whose order it was: one that took something off, one that paid, or both."""

    __tablename__ = "shop_voucher_uses"

    order_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    voucher_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_vouchers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    contact_id: Mapped[OptionalContactRef]

    __table_args__ = (
        Index("ix_shop_voucher_uses_voucher", "voucher_id", "contact_id"),
        {"info": {"label": "Vouchers"}},
    )


class VoucherMovement(Base):
    """That the balance of a voucher changed: "spent" for an order, below zero, or given back, since the order was
    "cancelled" or something of it "refunded" (`refund_id`). Only ever added: triggers of the database see to it.
    """

    __tablename__ = "shop_voucher_movements"

    id: Mapped[Id]
    voucher_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_vouchers.id"))
    order_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_orders.id"), index=True)
    refund_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("shop_refunds.id"), unique=True)
    kind: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInt)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('spent', 'cancelled', 'refunded')", name="kind"),
        CheckConstraint("(amount < 0) = (kind = 'spent') AND amount <> 0", name="amount"),
        CheckConstraint("(refund_id IS NULL) = (kind = 'spent')", name="refund"),
        Index("ix_shop_voucher_movements_voucher", "voucher_id", "id"),
        # An order is paid with one balance, once.
        Index(
            "uq_shop_voucher_movements_spent",
            "order_id",
            unique=True,
            sqlite_where=sql("kind = 'spent'"),
            postgresql_where=sql("kind = 'spent'"),
        ),
    )


class VoucherBatch(Base):
    """Vouchers that were made together: many codes that each take the same off, such as for a mailing."""

    __tablename__ = "shop_voucher_batches"

    id: Mapped[Id]
    name: Mapped[str]
    number: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str] = mapped_column(default="")
