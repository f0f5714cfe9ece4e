"""The shop's columns and filters in the contact list (FEATURES S5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, select
from sqlalchemy.orm import Session

from core import Choice, Column, Contact, Filter, comparison, currency_digits
from plugins.shop.models import CustomerAmount, CustomerTotals
from plugins.shop.totals import amounts_of

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
    """Whether, how often, when last and for how much a contact has ordered."""
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
    ]


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
