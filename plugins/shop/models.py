"""Tables of the shop. Amounts are integer minor units of the row's currency; rates are basis points (1900 is
19 %).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id, OptionalContactRef


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class Product(Base):
    """Something that can be ordered. What has a price and a stock is its variant, of which each product has at least
    one.

    `option` says what its variants differ in ("Size"); it is empty for a product with a single variant. `search_text`
    is the folded text that product search looks through: its name, and the names and numbers of its variants.
    """

    __tablename__ = "shop_products"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    option: Mapped[str] = mapped_column(default="", server_default="")
    tax_rate: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=100)
    created_at: Mapped[datetime] = mapped_column(default=now)
    search_text: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        CheckConstraint("tax_rate >= 0", name="tax_rate"),
        Index("ix_shop_products_position", "position", "id"),
    )


class Variant(Base):
    """What is put into a cart: the product in one of its kinds. A product without options has exactly one, whose name
    is empty.

    `price` includes the tax; `stock` None means: it is not counted. `currency` is the site's when the price was typed.
    After the site changes its currency the price means nothing, and the variant is off sale until staff save its price
    anew.
    """

    __tablename__ = "shop_variants"

    id: Mapped[Id]
    product_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_products.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(default="")
    sku: Mapped[str | None] = mapped_column(unique=True)
    price: Mapped[int] = mapped_column(BigInt)
    currency: Mapped[str]
    stock: Mapped[int | None]
    position: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("stock >= 0", name="stock"),
        Index("ix_shop_variants_product_id", "product_id", "position"),
    )


class Picture(Base):
    """A picture of a product, made anew from what was uploaded: `large` and `small` are the stored names of its files.

    `alt` says in words what it shows; the picture with the lowest position stands for the product.
    """

    __tablename__ = "shop_pictures"

    id: Mapped[Id]
    product_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_products.id", ondelete="CASCADE"))
    large: Mapped[str] = mapped_column(unique=True)
    small: Mapped[str] = mapped_column(unique=True)
    width: Mapped[int]
    height: Mapped[int]
    alt: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("ix_shop_pictures_product_id", "product_id", "position"),)


class Category(Base):
    """A shelf of the shop. A product may stand on several, or on none."""

    __tablename__ = "shop_categories"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=100)


class ProductCategory(Base):
    """That a product stands in a category."""

    __tablename__ = "shop_product_categories"

    product_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_products.id", ondelete="CASCADE"), primary_key=True
    )
    category_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_categories.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Cart(Base):
    """A visitor's cart. Its token is in the visitor's cookie, only its hash is here.

    `checkout_key` changes with every change of the cart, so that a sent checkout orders exactly what it
    showed, and it goes into the order, which makes the order unique however often the form is sent (THREATS
    T-P1).
    """

    __tablename__ = "shop_carts"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(unique=True)
    checkout_key: Mapped[str]
    voucher_code: Mapped[str] = mapped_column(default="", server_default="")
    updated_at: Mapped[datetime] = mapped_column(default=now, index=True)


class CartLine(Base):
    """How many of a variant are in a cart. The price is the variant's, always."""

    __tablename__ = "shop_cart_lines"

    cart_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_carts.id", ondelete="CASCADE"), primary_key=True)
    variant_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_variants.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    quantity: Mapped[int]

    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)


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


class Voucher(Base):
    """A voucher (FEATURES S3). `value` is basis points for kind "percent", minor units of `currency` for "fixed".

    Valid from `starts_at` until before `ends_at`. `uses` counts the orders that used it and were not cancelled: kept
    here, so that a limit is held by one statement. `minimum` is in minor units of `currency`.
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

    __table_args__ = (
        CheckConstraint("kind IN ('percent', 'fixed')", name="kind"),
        CheckConstraint("value > 0", name="value"),
        CheckConstraint("uses >= 0", name="uses"),
    )


class VoucherUse(Base):
    """That an order used a voucher, and whose order it was."""

    __tablename__ = "shop_voucher_uses"

    order_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    voucher_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_vouchers.id", ondelete="CASCADE"))
    contact_id: Mapped[OptionalContactRef]

    __table_args__ = (
        Index("ix_shop_voucher_uses_voucher", "voucher_id", "contact_id"),
        {"info": {"label": "Vouchers"}},
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
    was paid, and more than `amount` (0) for "surplus", money that came in beyond the order. `paid_back_at` is when it
    went, None while a provider has yet to do it.
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

    __table_args__ = (
        CheckConstraint("kind IN ('refund', 'cancel', 'surplus')", name="kind"),
        CheckConstraint("amount >= 0 AND money_back >= 0", name="amounts"),
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


class VoucherBatch(Base):
    """Vouchers that were made together: many codes that each take the same off, such as for a mailing."""

    __tablename__ = "shop_voucher_batches"

    id: Mapped[Id]
    name: Mapped[str]
    number: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str] = mapped_column(default="")


class OrderImport(Base):
    """A file with orders of another shop, on its way in. `layout` is the program that wrote it; `source` what its shop
    is called here; `position` how many orders of it were read, `numbers` what came of them, `examples` the first ones.
    """

    __tablename__ = "shop_order_imports"

    id: Mapped[Id]
    name: Mapped[str]
    stored_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInt)
    layout: Mapped[str]
    source: Mapped[str]
    currency: Mapped[str]
    state: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    numbers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    job_id: Mapped[int | None] = mapped_column(BigInt)
    actor_id: Mapped[int | None] = mapped_column(BigInt)
    actor_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('checking', 'checked', 'running', 'done', 'cancelled', 'failed')",
            name="state",
        ),
    )


class OrderImportProblem(Base):
    """An order of a file that was not taken in, or something in it that was read otherwise: where, and why.

    `message` is a message id that `words` fill; nothing of the person is in it.
    """

    __tablename__ = "shop_order_import_problems"

    id: Mapped[Id]
    import_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_order_imports.id", ondelete="CASCADE"), index=True)
    line: Mapped[int]
    reference: Mapped[str] = mapped_column(default="")
    refused: Mapped[bool]
    message: Mapped[str]
    words: Mapped[dict[str, Any]] = mapped_column(default=dict)
