"""Orders with everything that was true when they were placed (FEATURES S2, S4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id, OptionalContactRef


class OrderCounter(Base):
    """The last order number of a year. Its row is locked by the order that takes a number, so numbers have no
    gaps.
    """

    __tablename__ = "shop_order_counters"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Order(Base):
    """An order, with name and address as they were when it was placed. It outlives its contact: the law keeps
    it.

    `token` opens the visitor's thank-you page; `checkout_key` is unique, so one form makes one order. `state`
    is the furthest of open, paid, shipped, cancelled and refunded (as a whole); the times say more: a shipped order
    may still wait for its payment. `total` is what was to be paid when it was placed: the lines less `discount`, which
    the voucher took off. `refunded` of it was taken back since, by cancelling or refunding: what was really bought is
    `total` less `refunded`, always. `payment_method` is the key of a `PaymentMethod`, empty when nobody said. `source`
    is the shop an order was brought from, and `source_reference` its own name for it; both are empty for orders placed
    here.
    """

    __tablename__ = "shop_orders"

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    token: Mapped[str] = mapped_column(unique=True)
    checkout_key: Mapped[str | None] = mapped_column(unique=True)
    contact_id: Mapped[OptionalContactRef]
    state: Mapped[str] = mapped_column(default="open")
    currency: Mapped[str]
    total: Mapped[int] = mapped_column(BigInt)
    discount: Mapped[int] = mapped_column(BigInt, default=0, server_default="0")
    voucher_code: Mapped[str] = mapped_column(default="", server_default="")
    email: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(default="")
    street: Mapped[str] = mapped_column(default="")
    street2: Mapped[str] = mapped_column(default="")
    postal_code: Mapped[str] = mapped_column(default="")
    city: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    placed_at: Mapped[datetime]
    placed_by_id: Mapped[int | None] = mapped_column(BigInt)
    placed_by_name: Mapped[str] = mapped_column(default="")
    paid_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    search_text: Mapped[str] = mapped_column(default="")
    refunded: Mapped[int] = mapped_column(BigInt, default=0, server_default="0")
    payment_method: Mapped[str] = mapped_column(default="", server_default="")
    source: Mapped[str] = mapped_column(default="", server_default="")
    source_reference: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        CheckConstraint("state IN ('open', 'paid', 'shipped', 'cancelled', 'refunded')", name="state"),
        CheckConstraint("refunded >= 0 AND refunded <= total", name="refunded"),
        Index("ix_shop_orders_placed", "placed_at", "id"),
        Index("ix_shop_orders_state", "state", "placed_at", "id"),
        # An order from elsewhere is here once, however often it is brought.
        Index(
            "uq_shop_orders_source",
            "source",
            "source_reference",
            unique=True,
            sqlite_where=sql("source_reference <> ''"),
            postgresql_where=sql("source_reference <> ''"),
        ),
        {"info": {"label": "Orders"}},
    )


class OrderLine(Base):
    """What was ordered, as it was then: price, tax, and the name of product and variant ("Rye bread, 500 g").

    `from_stock` says whether the stock of the variant was counted. `discount` is the line's share of what the voucher
    took off. `refunded` pieces of it were taken back, and with them, or without, `refunded_amount` of what it cost.
    """

    __tablename__ = "shop_order_lines"

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    product_id: Mapped[int | None] = mapped_column(
        BigInt, ForeignKey("shop_products.id", ondelete="SET NULL"), index=True
    )
    variant_id: Mapped[int | None] = mapped_column(
        BigInt, ForeignKey("shop_variants.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str]
    unit_price: Mapped[int] = mapped_column(BigInt)
    tax_rate: Mapped[int]
    quantity: Mapped[int]
    from_stock: Mapped[bool] = mapped_column(default=False)
    discount: Mapped[int] = mapped_column(BigInt, default=0, server_default="0")
    refunded: Mapped[int] = mapped_column(default=0, server_default="0")
    refunded_amount: Mapped[int] = mapped_column(BigInt, default=0, server_default="0")

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("refunded >= 0 AND refunded <= quantity", name="refunded"),
        CheckConstraint(
            "refunded_amount >= 0 AND refunded_amount <= unit_price * quantity - discount", name="refunded_amount"
        ),
    )


class OrderTax(Base):
    """The tax in an order's total, by rate; `gross` is what the lines of this rate cost, with `tax`."""

    __tablename__ = "shop_order_taxes"

    order_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True)
    rate: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    gross: Mapped[int] = mapped_column(BigInt)
    tax: Mapped[int] = mapped_column(BigInt)


class OrderEvent(Base):
    """An entry of an order's own log: when it came into a state, and who did that."""

    __tablename__ = "shop_order_events"

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    event: Mapped[str]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInt)
    actor_name: Mapped[str] = mapped_column(default="")


class Delivery(Base):
    """Where an order goes when that is not the customer's own address."""

    __tablename__ = "shop_deliveries"

    order_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = mapped_column(default="")
    street: Mapped[str] = mapped_column(default="")
    street2: Mapped[str] = mapped_column(default="")
    postal_code: Mapped[str] = mapped_column(default="")
    city: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
