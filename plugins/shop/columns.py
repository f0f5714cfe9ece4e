"""The shop's columns and filters in the contact list (FEATURES S5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, select
from sqlalchemy.orm import Session

from core import Choice, Column, Contact, Filter, comparison, currency_digits
from plugins.shop.forms import number_of
from plugins.shop.models import (
    CustomerAmount,
    CustomerTotals,
    Order,
    OrderLine,
    Product,
    Voucher,
    VoucherBatch,
    VoucherUse,
)
from plugins.shop.totals import COUNTED, amounts_of

TOTALS: FromClause = CustomerTotals.__table__


def contact_columns() -> list[Column]:
    """Number of orders and last order, which the list sorts by, and the total of purchases."""
    return [
        Column(
            key="shop.orders",
            label="Orders",
            kind="number",
            expression=TOTALS.c.orders,
            side_table=TOTALS,
            permission="shop.orders",
            order=200,
        ),
        Column(
            key="shop.total",
            label="Total of purchases",
            kind="money",
            load=_totals,
            sortable=False,
            permission="shop.orders",
            order=201,
        ),
        Column(
            key="shop.last_order",
            label="Last order",
            kind="datetime",
            expression=TOTALS.c.last_order_at,
            side_table=TOTALS,
            shown=False,
            permission="shop.orders",
            order=202,
        ),
    ]


def _totals(session: Session, contact_ids: Sequence[int]) -> Mapping[int, object]:
    # Not sortable: amounts in two currencies have no order.
    return amounts_of(session, contact_ids)


def contact_filters() -> list[Filter]:
    """Whether, how often, when last, for how much and what a contact has ordered, and with which voucher."""
    return [
        Filter(
            key="shop.has_ordered",
            label="Has ordered",
            predicate=_has_ordered,
            choices=_yes_or_no,
            translate_choices=True,
            permission="shop.orders",
            order=200,
        ),
        Filter(
            key="shop.orders",
            label="Orders (number)",
            kind="number",
            # Nobody who never ordered has a row.
            predicate=comparison("number", CustomerTotals.orders, CustomerTotals.contact_id, missing=0),
            permission="shop.orders",
            order=201,
        ),
        Filter(
            key="shop.last_order",
            label="Last order",
            kind="date",
            predicate=comparison("date", CustomerTotals.last_order_at, CustomerTotals.contact_id),
            permission="shop.orders",
            order=202,
        ),
        Filter(
            key="shop.total",
            label="Total of purchases",
            kind="number",
            predicate=_has_spent,
            units=_currencies,
            permission="shop.orders",
            order=203,
        ),
        Filter(
            key="shop.bought",
            label="Has bought",
            predicate=_has_bought,
            choices=_products,
            permission="shop.orders",
            order=204,
        ),
        Filter(
            key="shop.voucher",
            label="Has used the voucher",
            predicate=_has_used,
            choices=_vouchers,
            permission="shop.orders",
            order=205,
        ),
    ]


def _products(session: Session) -> list[Choice]:
    """The products that there are; what is not sold any more was bought once."""
    rows = session.execute(select(Product.id, Product.name).order_by(Product.name, Product.id))
    return [Choice(value=str(row.id), label=row.name) for row in rows]


def _has_bought(value: str) -> ColumnElement[bool] | None:
    """Something of the product that was neither cancelled nor taken back."""
    if not (product := number_of(value)):
        return None
    buyers: Any = (
        select(Order.contact_id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(
            OrderLine.product_id == product,
            OrderLine.refunded < OrderLine.quantity,
            Order.contact_id.is_not(None),
            COUNTED,
        )
    )
    return Contact.id.in_(buyers)


def _vouchers(session: Session) -> list[Choice]:
    """The vouchers that were made one by one, and the batches; not the codes that stand for somebody's money."""
    made_alone = (Voucher.batch_id.is_(None), Voucher.kind != "balance")
    own = session.execute(select(Voucher.id, Voucher.code).where(*made_alone).order_by(Voucher.code_key))
    batches = session.execute(select(VoucherBatch.id, VoucherBatch.name).order_by(VoucherBatch.name))
    return [
        *(Choice(value=str(row.id), label=row.code) for row in own),
        *(Choice(value=f"batch{row.id}", label=row.name) for row in batches),
    ]


def _has_used(value: str) -> ColumnElement[bool] | None:
    number = number_of(value.removeprefix("batch"))
    if not number:
        return None
    used: Any = select(VoucherUse.contact_id).where(VoucherUse.contact_id.is_not(None))
    if value.startswith("batch"):
        used = used.join(Voucher, Voucher.id == VoucherUse.voucher_id).where(Voucher.batch_id == number)
    else:
        used = used.where(VoucherUse.voucher_id == number)
    return Contact.id.in_(used)


def _has_spent(value: str) -> ColumnElement[bool] | None:
    """The value is a range and a currency, `100.. EUR`: amounts of two currencies are never compared."""
    amount, _, currency = value.rpartition(" ")
    if not re.fullmatch(r"[A-Z]{3}", currency, re.ASCII):
        return None
    compared = comparison(
        "number",
        CustomerAmount.minor,
        CustomerAmount.contact_id,
        scale=10 ** currency_digits(currency),
        where=CustomerAmount.currency == currency,
        missing=0,
    )
    return compared(amount)


def _currencies(session: Session) -> list[Choice]:
    """The currencies that contacts have bought in."""
    found = session.scalars(select(CustomerAmount.currency).distinct().order_by(CustomerAmount.currency))
    return [Choice(value=currency, label=currency) for currency in found]


def _yes_or_no(session: Session) -> list[Choice]:
    return [Choice(value="yes", label="Yes"), Choice(value="no", label="No")]


def _has_ordered(value: str) -> ColumnElement[bool] | None:
    buyers: Any = select(CustomerTotals.contact_id).where(CustomerTotals.orders > 0)
    if value == "yes":
        return Contact.id.in_(buyers)
    if value == "no":
        return Contact.id.not_in(buyers)
    return None
