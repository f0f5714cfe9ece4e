"""Holding an order while it changes, and what is owed for it then."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import NotFound, hold_contact
from plugins.shop.models import Order, Payment, Refund

OVER = frozenset({"cancelled", "refunded"})
"""States of which nothing follows: all of the order was taken back."""


def hold_order(session: Session, order_id: int) -> Order:
    """The order, locked until the transaction ends: of two people who press at once the second sees what the first
    did. Raises NotFound.
    """
    # The contact first, as everyone does: whoever merges holds it, and then the orders.
    known = 0 < order_id < 2**63
    contact_id = session.scalar(select(Order.contact_id).where(Order.id == order_id)) if known else None
    if contact_id is not None:
        hold_contact(session, contact_id)
    statement = select(Order).where(Order.id == order_id).with_for_update()
    order = session.scalar(statement, execution_options={"populate_existing": True}) if known else None
    if order is None:
        raise NotFound("There is no such order.")
    return order


def owed_for(order: Order) -> int:
    """What the order comes to now, in minor units, whether it is paid or not."""
    return order.total - order.refunded


def in_hand(session: Session, order_id: int) -> int:
    """What came in for an order and did not go back, in minor units."""
    came = session.scalar(
        select(func.coalesce(func.sum(Payment.amount), 0)).where(Payment.order_id == order_id, Payment.state == "paid")
    )
    went = session.scalar(select(func.coalesce(func.sum(Refund.money_back), 0)).where(Refund.order_id == order_id))
    return int(came or 0) - int(went or 0)
