"""Orders as the API speaks of them: frozen classes whose attributes are the members of the JSON.

Amounts are whole minor units of the order's currency, with the tax in them; rates are basis points (1900 is 19 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Details, Site
from plugins.shop.balances import Paid, paid_with_balance
from plugins.shop.models import Delivery, Order, OrderLine, OrderTax
from plugins.shop.order_writing import DELIVERED

BASE = "/api/v1/shop/orders"


@frozen(kw_only=True)
class AddressResource:
    """Where a customer lives, or where an order goes. `country` is an ISO 3166 code."""

    name: str
    street: str
    street2: str
    postal_code: str
    city: str
    region: str
    country: str
    phone: str = ""


@frozen(kw_only=True)
class LineResource:
    """A line: `discount` is its share of what was taken off, `refunded` the pieces that were taken back."""

    id: int
    product_id: int | None
    variant_id: int | None
    name: str
    quantity: int
    unit_price: int
    tax_rate: int
    discount: int
    refunded: int
    refunded_amount: int


@frozen(kw_only=True)
class TaxResource:
    """The tax of one rate in an order's total: `gross` is what was sold at this rate."""

    rate: int
    gross: int
    tax: int


@frozen(kw_only=True)
class SourceResource:
    """The shop that an order comes from, and its own number there."""

    name: str
    reference: str


@frozen(kw_only=True)
class OrderResource:
    """An order.

    `total` is what was to be paid when it was placed, the lines less `discount`; `refunded` was taken back since.
    `paid_by_voucher` is what the balance of `balance_voucher` has paid of it, less what went back onto it. Times are in
    UTC. `problem` is said once, by the answer to a step: the step is done, and this did not go with it.
    """

    id: int
    number: str
    state: str
    placed_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    cancelled_at: datetime | None
    contact_id: int | None
    email: str
    address: AddressResource
    delivery: AddressResource | None
    currency: str
    lines: Sequence[LineResource]
    discount: int
    total: int
    refunded: int
    taxes: Sequence[TaxResource]
    voucher: str
    balance_voucher: str
    paid_by_voucher: int
    payment_method: str
    note: str
    source: SourceResource | None
    href: str
    dashboard: str
    problem: str = ""


@frozen(kw_only=True)
class OrderList:
    """A page of orders, the newest first. `older` is the address of the next one."""

    orders: Sequence[OrderResource]
    older: str | None


@frozen(kw_only=True)
class ItemRequest:
    """Something to be ordered.

    Either a variant, by `variant_id` or `sku`, at the price that it has here; or something else, by `name`,
    `unit_price` and `tax_rate`.
    """

    quantity: int = 1
    variant_id: int | None = None
    sku: str = ""
    name: str = ""
    unit_price: int | None = None
    tax_rate: int | None = None


@frozen(kw_only=True)
class OrderRequest:
    """An order to be placed for the person with this address, who becomes a contact and a customer.

    `details` and `delivery` have the members of `address`. For an order from elsewhere: `source`, its own name for it,
    which is here once only, `placed_at`, `currency` (then without variants) and `discount`. With `mail` the customer
    gets the confirmation. `voucher` and `second_voucher` are codes: one that takes something off, one with a balance.
    """

    email: str
    items: Sequence[ItemRequest]
    details: Mapping[str, str] = {}
    delivery: Mapping[str, str] | None = None
    voucher: str = ""
    second_voucher: str = ""
    payment_method: str = ""
    note: str = ""
    mail: bool = False
    source: SourceResource | None = None
    placed_at: datetime | None = None
    currency: str = ""
    discount: int = 0


@frozen(kw_only=True)
class StepRequest:
    """What becomes of an order: "paid", "shipped" or "cancelled", or "unpaid" when it was noted as paid by mistake.

    With `mail` the customer is told, of all but the last.
    """

    step: str
    mail: bool = True


@frozen(kw_only=True)
class RefundRequest:
    """What is taken back: pieces by the id of their line, `reduction` by which the rest gets cheaper, or both.

    With `restock` the pieces go back into stock.
    """

    pieces: Mapping[str, int] = {}
    reduction: int = 0
    restock: bool = True
    reason: str = ""
    mail: bool = True


@frozen(kw_only=True)
class RefundResource:
    """What came of it: `amount` is taken off the order, `money_back` goes back to the customer, `to_balance` of it onto
    the voucher that paid.
    """

    amount: int
    money_back: int
    to_balance: int
    order: OrderResource


def order_resources(session: Session, site: Site, orders: Sequence[Order]) -> list[OrderResource]:
    """The orders with all that belongs to them; the same number of queries for one and for many."""
    ids = [order.id for order in orders]
    lines: dict[int, list[LineResource]] = {one: [] for one in ids}
    taxes: dict[int, list[TaxResource]] = {one: [] for one in ids}
    for line in session.scalars(select(OrderLine).where(OrderLine.order_id.in_(ids)).order_by(OrderLine.id)):
        lines[line.order_id].append(
            LineResource(
                id=line.id,
                product_id=line.product_id,
                variant_id=line.variant_id,
                name=line.name,
                quantity=line.quantity,
                unit_price=line.unit_price,
                tax_rate=line.tax_rate,
                discount=line.discount,
                refunded=line.refunded,
                refunded_amount=line.refunded_amount,
            )
        )
    for tax in session.scalars(select(OrderTax).where(OrderTax.order_id.in_(ids)).order_by(OrderTax.rate)):
        taxes[tax.order_id].append(TaxResource(rate=tax.rate, gross=tax.gross, tax=tax.tax))
    deliveries = {one.order_id: one for one in session.scalars(select(Delivery).where(Delivery.order_id.in_(ids)))}
    paid, none = paid_with_balance(session, ids), Paid(code="", minor=0)
    base = site.settings.base_url
    return [
        OrderResource(
            id=order.id,
            number=order.number,
            state=order.state,
            placed_at=order.placed_at,
            paid_at=order.paid_at,
            shipped_at=order.shipped_at,
            cancelled_at=order.cancelled_at,
            contact_id=order.contact_id,
            email=order.email,
            address=_address(order, phone=order.phone),
            delivery=_address(deliveries[order.id]) if order.id in deliveries else None,
            currency=order.currency,
            lines=lines[order.id],
            discount=order.discount,
            total=order.total,
            refunded=order.refunded,
            taxes=taxes[order.id],
            voucher=order.voucher_code,
            balance_voucher=paid.get(order.id, none).code,
            paid_by_voucher=paid.get(order.id, none).minor,
            payment_method=order.payment_method,
            note=order.note,
            source=SourceResource(name=order.source, reference=order.source_reference) if order.source else None,
            href=f"{base}{BASE}/{order.id}",
            dashboard=f"{base}/dashboard/shop/orders/{order.id}",
        )
        for order in orders
    ]


def _address(row: Order | Delivery | Details, phone: str = "") -> AddressResource:
    return AddressResource(**{name: getattr(row, name) for name in DELIVERED}, phone=phone)
