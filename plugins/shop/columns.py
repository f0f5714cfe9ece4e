"""The shop's columns and filter in the contact list (FEATURES S5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, select
from sqlalchemy.orm import Session

from core import Choice, Column, Contact, Filter
from plugins.shop.models import CustomerTotals
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
    """Whether a contact has ordered."""
    return [
        Filter(
            key="shop.has_ordered",
            label="Has ordered",
            predicate=_has_ordered,
            choices=_yes_or_no,
            translate_choices=True,
            permission="shop.orders",
            order=200,
        )
    ]


def _yes_or_no(session: Session) -> list[Choice]:
    return [Choice(value="yes", label="Yes"), Choice(value="no", label="No")]


def _has_ordered(value: str) -> ColumnElement[bool] | None:
    buyers: Any = select(CustomerTotals.contact_id).where(CustomerTotals.orders > 0)
    if value == "yes":
        return Contact.id.in_(buyers)
    if value == "no":
        return Contact.id.not_in(buyers)
    return None
